--[[ What the block list counts: identities behind addresses, traffic, what blocks cost. Behind block-entries.lua, before
the script itself.

Keys behind the prefix:
i:<network>: "<address> <identity>" -> last noted, hours since the epoch (hash)
networks: those that have identities, as their sort key (sorted set, all 0)
noted: the same by when they were last noted, milliseconds (sorted set)
traffic:<minute>: partition -> "<allowed> <clients>" (hash)
made:<rule>: "<block id> <clients> <requests>" by time, milliseconds (sorted set); rule * is all together
breakers: rule -> JSON { state, sinceMs, reason }; closed ones have '' (hash)
overrides: rule -> JSON { rule, mode, untilMs, actor, note } (hash)

Returns nothing: the script goes on in another file
]]
local identity_hours = 24
-- As many as a /16 has. Of a wider network fewer are counted than there are: it would take long.
local most_networks = 256

local behind = nil
-- Distinct identities at addresses from..to, which lie in networks first..last; all of them in sortable spelling. A script
-- asks about one range.
local function identities_at(range)
  if behind then return behind end
  behind = {}
  local seen = {}
  local oldest = math.floor(now / hour) - identity_hours
  local networks = redis.call('ZRANGEBYLEX', key('networks'), '[' .. range.first, '[' .. range.last, 'LIMIT', 0, most_networks)
  for _, network in ipairs(networks) do
    local flat = redis.call('HGETALL', key('i', network))
    for index = 1, #flat, 2 do
      local address, identity = string.match(flat[index], '^(%x+) (.+)$')
      local is_in = address >= range.from and address <= range.to and tonumber(flat[index + 1]) > oldest
      if is_in and not seen[identity] then
        seen[identity] = true
        behind[#behind + 1] = identity
      end
    end
  end
  return behind
end

local function identities_in(range) return #identities_at(range) end

-- For `protection`: calls a visitor with each allow entry of an identity at these addresses until it returns something. Looks
-- each of the identities up, of which there are few, instead of all that are allowed.
local function senders_at(range, scopes)
  return function(visit)
    if not range or redis.call('EXISTS', key('senders')) == 0 then return end
    local identities = identities_at(range)
    for _, scope in ipairs(scopes) do
      for from = 1, #identities, 500 do
        local names = {}
        for index = from, math.min(#identities, from + 499) do names[#names + 1] = scope .. identities[index] end
        for _, subject in ipairs(redis.call('HMGET', key('senders'), unpack(names))) do
          local allow = subject and allow_of(subject)
          if allow and visit('a', allow) then return end
        end
      end
    end
  end
end

-- The last hour over all partitions: of each partition the minute with the most clients, since minutes overlap in them.
local function traffic()
  local allowed, most = 0, {}
  local minute = 60000
  for window = now - now % minute, now - hour + 1, -minute do
    local flat = redis.call('HGETALL', key('traffic', whole(window)))
    for index = 1, #flat, 2 do
      local served, clients = string.match(flat[index + 1], '^(%d+) (%d+)$')
      allowed = allowed + tonumber(served)
      most[flat[index]] = math.max(most[flat[index]] or 0, tonumber(clients))
    end
  end
  local clients = 0
  for _, count in pairs(most) do clients = clients + count end
  return allowed, clients
end

local function count_after(rule, after) return redis.call('ZCOUNT', key('made', rule), '(' .. whole(after), '+inf') end

-- Blocks made later than then, and the clients and requests that they hit.
local function made_after(rule, after)
  local blocks, clients, requests = 0, 0, 0
  for _, made in ipairs(redis.call('ZRANGEBYSCORE', key('made', rule), '(' .. whole(after), '+inf')) do
    local hit, served = string.match(made, ' (%d+) (%d+)$')
    blocks, clients, requests = blocks + 1, clients + tonumber(hit), requests + tonumber(served)
  end
  return blocks, clients, requests
end

local function note_made(rule, id, clients, requests)
  redis.call('ZREMRANGEBYSCORE', key('made', rule), '-inf', whole(now - hour))
  redis.call('ZADD', key('made', rule), whole(now), id .. ' ' .. whole(clients) .. ' ' .. whole(requests))
  live(key('made', rule), hour)
  redis.call('HSETNX', key('breakers'), rule, '')
  live_until(now, key('breakers'))
end

-- nil: closed. Half-open for an hour without tripping is closed, by itself.
local function breaker_of(rule)
  local text = redis.call('HGET', key('breakers'), rule)
  local breaker = text and text ~= '' and cjson.decode(text) or nil
  return breaker and (breaker.state == 'open' or now - breaker.sinceMs < hour) and breaker or nil
end

local function set_breaker(rule, state, reason, actor)
  local breaker = { state = state, sinceMs = now, reason = reason }
  redis.call('HSET', key('breakers'), rule, cjson.encode(breaker))
  live_until(now, key('breakers'))
  record('noted', 0, 'p', '', 'b', '', 'a', cjson.encode({ breaker = rule, state = state, reason = reason, actor = actor }))
end

-- Whether one more block is within a budget; shares are in millionths. Opens the breaker when it is not.
local function within_budget(rule, budget, clients, requests)
  local breaker = breaker_of(rule)
  if breaker and breaker.state == 'open' then return false end
  -- What was made before a reset would trip it again at once.
  local reset = breaker and breaker.sinceMs or 0
  local is_within = count_after(rule, math.max(reset, now - 60000)) < budget.blocksPerMinute
  local from = math.max(reset, now - hour)
  if is_within and count_after(rule, from) >= budget.blocksPerHour then
    local _, hit, served = made_after(rule, from)
    local allowed, seen = traffic()
    is_within = (hit + clients) * 1000000 <= budget.clientShare * seen
      and (served + requests) * 1000000 <= budget.requestShare * allowed
  end
  if not is_within then set_breaker(rule, 'open', budget.reason, 'detector') end
  return is_within
end

local function override_of(rule)
  local text = redis.call('HGET', key('overrides'), rule)
  local override = text and cjson.decode(text) or nil
  return override and override.untilMs > now and override or nil
end
