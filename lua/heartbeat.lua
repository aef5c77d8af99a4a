--[[ One gate says that it lives, and learns how many others do.
Its beats are counted here as well: a server that has lost writes gives a smaller number back than the gate has seen.

KEYS[1] gates by the time of their last beat, milliseconds (sorted set)
KEYS[2] policy version of each gate (hash)
KEYS[3] gates of each policy version, count (hash)
KEYS[4] beats of this gate, count (string)
KEYS[5] how this gate is doing, JSON; it goes when the gate is no longer alive (string)
ARGV[1] now, milliseconds since the epoch; 0 reads the clock of this server
ARGV[2] gate
ARGV[3] its policy version; '' = the gate leaves
ARGV[4] how long a gate counts as alive after a beat, milliseconds, > 0
ARGV[5] how long the first three keys live after the last beat of any gate, milliseconds, > 0
ARGV[6] how long the count of beats lives after a beat, milliseconds, > 0
ARGV[7] policy versions to return at most, >= 1
ARGV[8] how this gate is doing, JSON; '' = it does not say

Returns {live gates, beats of this gate, run id of this server, replication id, the one before it ('' = not to be had,
in all three), then per policy version: version, gates}
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local gate, version, alive = ARGV[2], ARGV[3], tonumber(ARGV[4])
-- More than a fleet loses between two beats; what is left over goes with the next one.
local sweep_step = 1000
local function whole(number) return string.format('%.0f', number) end

local function leave_version(name)
  local left = redis.call('HGET', KEYS[2], name)
  if not left then return end
  redis.call('HDEL', KEYS[2], name)
  if redis.call('HINCRBY', KEYS[3], left, -1) <= 0 then redis.call('HDEL', KEYS[3], left) end
end

local function forget(from, to)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], from, to, 'LIMIT', 0, sweep_step)) do
    redis.call('ZREM', KEYS[1], name)
    leave_version(name)
  end
end

forget('-inf', whole(now - alive))
-- Beats of a clock that ran ahead: a promoted server may tell an earlier time than the one before it.
forget(whole(now + alive), '+inf')

local beats = 0
leave_version(gate)
if version == '' then
  redis.call('ZREM', KEYS[1], gate)
  redis.call('DEL', KEYS[4], KEYS[5])
else
  redis.call('ZADD', KEYS[1], whole(now), gate)
  redis.call('HSET', KEYS[2], gate, version)
  redis.call('HINCRBY', KEYS[3], version, 1)
  beats = redis.call('INCR', KEYS[4])
  redis.call('PEXPIRE', KEYS[4], ARGV[6])
  if ARGV[8] ~= '' then redis.call('SET', KEYS[5], ARGV[8], 'PX', ARGV[4]) end
end
for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[3] }) do redis.call('PEXPIRE', key, ARGV[5]) end

-- A user without the right to ask for it gets an error, which is no string.
local function info(section, field)
  local text = redis.pcall('INFO', section)
  return type(text) == 'string' and string.match(text, field .. ':(%x+)') or ''
end

local live = redis.call('ZCOUNT', KEYS[1], '(' .. whole(now - alive), '(' .. whole(now + alive))
local reply = {
  live, beats, info('server', 'run_id'), info('replication', 'master_replid'), info('replication', 'master_replid2'),
}
local versions = redis.call('HGETALL', KEYS[3])
for i = 1, math.min(#versions, 2 * tonumber(ARGV[7])), 2 do
  reply[#reply + 1] = versions[i]
  reply[#reply + 1] = tonumber(versions[i + 1])
end
return reply
