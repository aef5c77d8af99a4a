--[[
Writes or removes one record of people's work, only while it has the revision that the caller has seen. A record that is new
takes the next place in the order of its kind; beyond the bound the oldest go. Its end is set once, when it is made.

KEYS[1]  the record, a hash: text, revision, ends (ms)
KEYS[2]  the order of its kind, a sorted set of ids
KEYS[3]  how many were ever made
ARGV[1]  what the keys of records of this kind begin with: the record that goes for lack of room is one of them
ARGV[2]  the id
ARGV[3]  the text
ARGV[4]  the revision that must be there; 0: none
ARGV[5]  how long it is kept, ms; 0: it is removed
ARGV[6]  how many are kept at most
ARGV[7]  now, ms; 0: the server's time

Returns 1, or 0 when it has another revision.
]]
local asked = tonumber(ARGV[4])
local kept = tonumber(ARGV[5])
local now = tonumber(ARGV[7])
-- Log time may run slower than the server's: a key must not be gone before log time has passed its end.
local slack = now == 0 and 0 or 3600000
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local held = redis.call('HMGET', KEYS[1], 'revision', 'ends')
local revision = tonumber(held[1] or '0')
if held[2] and tonumber(held[2]) <= now then
  revision = 0
end
if revision ~= asked then
  return 0
end

if kept == 0 then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[2])
  return 1
end

redis.call('HSET', KEYS[1], 'text', ARGV[3], 'revision', string.format('%.0f', asked + 1))
if asked > 0 then
  return 1
end

redis.call('HSET', KEYS[1], 'ends', string.format('%.0f', now + kept))
redis.call('PEXPIRE', KEYS[1], kept + slack)
local place = redis.call('INCR', KEYS[3])
redis.call('ZADD', KEYS[2], place, ARGV[2])
-- What is newest ends last: the order and the count outlive every record in it.
redis.call('PEXPIRE', KEYS[2], kept + slack)
redis.call('PEXPIRE', KEYS[3], kept + slack)
local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[6])
if over > 0 then
  local gone = redis.call('ZPOPMIN', KEYS[2], over)
  for i = 1, #gone, 2 do
    redis.call('DEL', ARGV[1] .. gone[i])
  end
end
return 1
