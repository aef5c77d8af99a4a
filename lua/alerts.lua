--[[ What is known of alerts, and who evaluates them. All keys begin with the first one and are in its slot.

KEYS[1] prefix: then state (revision, text), lead
ARGV[1] now, milliseconds since the epoch; 0 reads the clock of this server
ARGV[2] kind: lead, release, load, save
ARGV[3] lead, release: holder; load: the most bytes of text that are given back; save: the revision that it was concluded from
ARGV[4] lead: for how long, milliseconds; save: the revision from now on
ARGV[5] save: what is known, as text

Returns a list: lead, save {1 or 0}; load {}, {revision, text} or, where something else lies there, {revision}; release {}

What somebody else has written under these keys is no reason to stop: what cannot be a lead is none, what cannot be a revision is 0,
and the next state that is kept replaces it.
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local state, lead = KEYS[1] .. 'state', KEYS[1] .. 'lead'
local kind = ARGV[2]
local keptMs, longestLeadMs = 7 * 86400000, 3600000

-- What is there; false: nothing, or something of another kind, which the second answer says.
local function read(...)
  local found = redis.pcall(...)
  if type(found) ~= 'table' or not found.err then return found, false end
  if string.find(found.err, 'WRONGTYPE', 1, true) then return false, true end
  error(found.err)
end

-- Kept with its end: in log time the key outlives it.
local function leader()
  local ends, holder = string.match(read('GET', lead) or '', '^(%d+) (.*)$')
  ends = tonumber(ends or 0)
  return holder, ends <= now + longestLeadMs and ends or 0
end

if kind == 'lead' then
  local holder, ends = leader()
  local ttl = math.min(longestLeadMs, tonumber(ARGV[4]))
  if holder ~= ARGV[3] and ends > now then return { 0 } end
  redis.call('PSETEX', lead, string.format('%.0f', longestLeadMs), string.format('%.0f %s', now + ttl, ARGV[3]))
  return { 1 }
end
if kind == 'release' then
  if leader() == ARGV[3] then redis.call('DEL', lead) end
  return {}
end

local revision, isOther = read('HGET', state, 'revision')
if kind == 'load' and not revision and not isOther then return {} end
revision = revision or ''
if #revision > 14 or not string.match(revision, '^[1-9]%d*$') then revision = '0' end
if kind == 'load' then
  local text = read('HGET', state, 'text')
  return text and #text <= tonumber(ARGV[3]) and { revision, text } or { revision }
end
if revision ~= ARGV[3] then return { 0 } end
if isOther then redis.call('DEL', state) end
redis.call('HSET', state, 'revision', ARGV[4], 'text', ARGV[5])
redis.call('PEXPIRE', state, string.format('%.0f', keptMs))
return { 1 }
