--[[ End a block by a person's decision, and keep the client off the list for a while.

KEYS[1] list: epoch, sequence, order (hash)
KEYS[2] entries in force: client key -> "expiry blockId rule" (hash)
KEYS[3] expiry of entries: client key by milliseconds (sorted set)
KEYS[4] change log (stream, ids are <sequence>-0)
KEYS[5] the block (hash)
KEYS[6] strikes of the client (sorted set)
KEYS[7] tombstone of the client: until when, milliseconds (string)
KEYS[8] open proposal of the client: "expiry blockId" (string)
ARGV[1] now, milliseconds since the epoch; 0 reads the clock of this server
ARGV[2] block id
ARGV[3] client key
ARGV[4] version the block must have; 0 = any
ARGV[5] tombstone, milliseconds from now, >= 0
ARGV[6] reason and note
ARGV[7] actor
ARGV[8] 1 = the strike does not count either
ARGV[9] least time that a written key lives, milliseconds
ARGV[10] changes kept

Returns {status, then the fields and values of the block}; status is lifted | missing | conflict
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local block_id, client = ARGV[2], ARGV[3]
local function whole(number) return string.format('%.0f', number) end

local function answer(status)
  local reply = { status }
  for _, value in ipairs(redis.call('HGETALL', KEYS[5])) do reply[#reply + 1] = value end
  return reply
end

local state = redis.call('HGET', KEYS[5], 'state')
if not state then return { 'missing' } end
local open = state == 'proposed' or state == 'active' or state == 'confirmed'
if not open or tonumber(redis.call('HGET', KEYS[5], 'expiresAtMs')) <= now then return answer('conflict') end
if ARGV[4] ~= '0' and redis.call('HGET', KEYS[5], 'version') ~= ARGV[4] then return answer('conflict') end

redis.call('HSET', KEYS[5], 'state', 'lifted', 'reason', ARGV[6], 'actor', ARGV[7])
redis.call('HINCRBY', KEYS[5], 'version', 1)
local tombstone = tonumber(ARGV[5])
if tombstone > 0 then
  redis.call('SET', KEYS[7], whole(now + tombstone), 'PX', whole(math.max(tombstone, tonumber(ARGV[9]))))
end
if ARGV[8] == '1' then redis.call('ZREM', KEYS[6], block_id) end

local _, proposed = string.match(redis.call('GET', KEYS[8]) or '0 -', '^(%d+) (%S+)')
if proposed == block_id then redis.call('DEL', KEYS[8]) end

local _, enforced = string.match(redis.call('HGET', KEYS[2], client) or '0 - -', '^(%d+) (%S+)')
if enforced == block_id then
  redis.call('HDEL', KEYS[2], client)
  redis.call('ZREM', KEYS[3], client)
  local sequence = redis.call('HINCRBY', KEYS[1], 'sequence', 1)
  redis.call('XADD', KEYS[4], 'MAXLEN', ARGV[10], sequence .. '-0', 'kind', 'removed', 'client', client, 'block', block_id)
end
return answer('lifted')
