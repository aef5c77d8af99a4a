--[[ Tokens by their hash. Each write is one call; what has ended long ago goes with the next one that is added.

KEYS[1] hash of a token to its record, JSON (hash)
KEYS[2] id of a token to its hash (hash)
KEYS[3] id of a token to when it was last used, milliseconds (hash)
KEYS[4] hash of a token, by when it is forgotten, milliseconds (sorted set)
ARGV[1] now, milliseconds since the epoch; 0 reads the clock of this server
ARGV[2] add | find | list | revoke | use
  add: ARGV[3] hash, ARGV[4] id, ARGV[5] record, ARGV[6] when it is forgotten, ARGV[7] tokens at most
  find: ARGV[3] hash
  revoke: ARGV[3] id
  use: ARGV[3] id, ARGV[4] when

Returns of add {1}, or {0} when there are too many; of use {}; else for each token its record and when it was last used
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local records, hashes, uses, ends = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function whole(number) return string.format('%.0f', number) end

local function forget(id, hash)
  redis.call('HDEL', records, hash)
  redis.call('HDEL', hashes, id)
  redis.call('HDEL', uses, id)
  redis.call('ZREM', ends, hash)
end

local function told(hash)
  local record = redis.call('HGET', records, hash)
  local forgotten = tonumber(redis.call('ZSCORE', ends, hash) or '0')
  if not record or forgotten <= now then return {} end
  return { record, redis.call('HGET', uses, cjson.decode(record).id) or '' }
end

local asked = ARGV[2]
if asked == 'find' then return told(ARGV[3]) end

if asked == 'list' then
  local all = {}
  for _, hash in ipairs(redis.call('ZRANGE', ends, 0, -1)) do
    for _, part in ipairs(told(hash)) do all[#all + 1] = part end
  end
  return all
end

if asked == 'revoke' then
  local hash = redis.call('HGET', hashes, ARGV[3])
  if not hash then return {} end
  local last = told(hash)
  forget(ARGV[3], hash)
  return last
end

if asked == 'use' then
  if redis.call('HEXISTS', hashes, ARGV[3]) == 0 then return {} end
  local before = tonumber(redis.call('HGET', uses, ARGV[3]) or '0')
  if tonumber(ARGV[4]) > before then redis.call('HSET', uses, ARGV[3], ARGV[4]) end
  local left = redis.call('PTTL', records)
  if left > 0 then redis.call('PEXPIRE', uses, left) end
  return {}
end

for _, hash in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', whole(now), 'LIMIT', 0, 1000)) do
  local record = redis.call('HGET', records, hash)
  if record then forget(cjson.decode(record).id, hash) else redis.call('ZREM', ends, hash) end
end
if redis.call('ZCARD', ends) >= tonumber(ARGV[7]) then return { 0 } end
redis.call('HSET', records, ARGV[3], ARGV[5])
redis.call('HSET', hashes, ARGV[4], ARGV[3])
redis.call('ZADD', ends, ARGV[6], ARGV[3])
local last = redis.call('ZRANGE', ends, -1, -1, 'WITHSCORES')
-- In log time the server's clock may be far ahead: a key lives at least an hour.
local left = math.max(3600000, tonumber(last[2]) - now)
for _, name in ipairs({ records, hashes, uses, ends }) do redis.call('PEXPIRE', name, whole(left)) end
return { 1 }
