--[[ What is known of alerts, and who evaluates them. All keys begin with the first one and are in its slot.

KEYS[1] prefix: then state (revision, text), lead
ARGV[1] now, milliseconds since the epoch; 0 reads the clock of this server
ARGV[2] kind: lead, release, load, save
ARGV[3] lead, release: holder; save: the revision that it was concluded from
ARGV[4] lead: for how long, milliseconds; save: the revision from now on
ARGV[5] save: what is known, as text

Returns a list: lead, save {1 or 0}; load {text} or {}; release {}
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local state, lead = KEYS[1] .. 'state', KEYS[1] .. 'lead'
local kind = ARGV[2]
local keptMs = 7 * 86400000

-- Kept with its end: in log time the key outlives it.
local function leader()
  local ends, holder = string.match(redis.call('GET', lead) or '0 ', '^(%d+) (.*)$')
  return holder, tonumber(ends)
end

if kind == 'lead' then
  local holder, ends = leader()
  local ttl = tonumber(ARGV[4])
  if holder ~= ARGV[3] and ends > now then return { 0 } end
  redis.call('PSETEX', lead, string.format('%.0f', math.max(3600000, ttl)), string.format('%.0f %s', now + ttl, ARGV[3]))
  return { 1 }
end
if kind == 'release' then
  if leader() == ARGV[3] then redis.call('DEL', lead) end
  return {}
end
if kind == 'load' then
  local text = redis.call('HGET', state, 'text')
  return text and { text } or {}
end
if (redis.call('HGET', state, 'revision') or '0') ~= ARGV[3] then return { 0 } end
redis.call('HSET', state, 'revision', ARGV[4], 'text', ARGV[5])
redis.call('PEXPIRE', state, string.format('%.0f', keptMs))
return { 1 }
