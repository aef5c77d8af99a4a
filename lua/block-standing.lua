--[[ Everything that the list knows of one subject, or one part of what operators look at. Behind block-list.lua,
block-entries.lua and block-counts.lua. Changes nothing but what is over.

ARGV[2] JSON: about, and
  subject: subject, around, inside, addresses and scopes (see block-promote.lua)
  traffic, breakers, rules (overrides) or allowed: nothing

Returns of a subject {now ms, entries as subject and line, allow entries, end of the tombstone or 0, strikes as block id and end,
open proposal or '', identities or -1}; of traffic {allowed, clients}; of breakers per rule {rule, state, since ms, reason,
blocks, clients, requests}; of rules and allowed {now ms, then their JSON texts}
]]
local asked = cjson.decode(ARGV[2])

if asked.about == 'traffic' then return { traffic() } end

if asked.about == 'breakers' then
  local reply, rules = {}, redis.call('HKEYS', key('breakers'))
  if redis.call('HEXISTS', key('breakers'), '*') == 0 then rules[#rules + 1] = '*' end
  for _, rule in ipairs(rules) do
    local breaker = breaker_of(rule)
    local blocks, clients, requests = made_after(rule, now - hour)
    if breaker or blocks > 0 or rule == '*' then
      local state = breaker or { state = 'closed', sinceMs = 0, reason = '' }
      reply[#reply + 1] = { rule, state.state, state.sinceMs, state.reason, blocks, clients, requests }
    else
      redis.call('HDEL', key('breakers'), rule)
    end
  end
  return reply
end

if asked.about ~= 'subject' then
  local reply = redis.call('HVALS', key(asked.about == 'rules' and 'overrides' or 'allow'))
  table.insert(reply, 1, now)
  return reply
end

local entries, allowed, seen = {}, {}, {}
local tombstone = 0
local function note(what, held)
  if what == 't' then
    tombstone = math.max(tombstone, held)
  elseif not seen[held.key] then
    seen[held.key] = true
    allowed[#allowed + 1] = cjson.encode(held)
  end
end
for _, one in ipairs(asked.around) do
  local entry = entry_at(one[1], one[2])
  if entry then
    entries[#entries + 1] = one[1]
    entries[#entries + 1] = line_of(entry)
  end
end
each_around(asked.around, 'allow', function(text)
  local allow = allow_from(text)
  if allow then note('a', allow) end
end)
each_around(asked.around, 'tombstone', function(text)
  local ends = tombstone_from(text)
  if ends then note('t', ends) end
end)
each_inside(asked.inside, note)
senders_at(asked.addresses, asked.scopes)(note)
strikes_of(asked.subject)
local strikes = redis.call('ZRANGE', key('strikes', asked.subject), 0, -1, 'WITHSCORES')
local identities = asked.addresses and identities_in(asked.addresses) or -1
return { now, entries, allowed, tombstone, strikes, proposal_around(asked.around) or '', identities }
