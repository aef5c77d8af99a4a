--[[ Turn a verdict into a block: once per verdict, whatever is called how often.
In order: known verdict, stale verdict, allow list, tombstone, block in force, open proposal, budget of the rule.
A new active block leaves an entry, a strike and a change record behind; a proposed one only itself.

KEYS[1] list: epoch, sequence, order (hash)
KEYS[2] entries in force: client key -> "expiry blockId rule" (hash)
KEYS[3] expiry of entries: client key by milliseconds (sorted set)
KEYS[4] change log (stream, ids are <sequence>-0)
KEYS[5] all blocks: id by order of making (sorted set)
KEYS[6] the block to make (hash)
KEYS[7] what became of this verdict (string)
KEYS[8] strikes of the client: block id by end of the strike, milliseconds (sorted set)
KEYS[9] tombstone of the client: until when, milliseconds (string)
KEYS[10] allow entry of the client: until when, milliseconds (string)
KEYS[11] open proposal of the client: "expiry blockId" (string)
KEYS[12] blocks the rule started: id by time, milliseconds (sorted set)
ARGV[1] now, milliseconds since the epoch; 0 reads the clock of this server
ARGV[2] epoch to begin with where the list has none
ARGV[3] block id, without spaces
ARGV[4] client key
ARGV[5] rule name, without spaces
ARGV[6] time of the verdict, milliseconds
ARGV[7] enforce | review
ARGV[8] blocks the rule may start per budget window, >= 0
ARGV[9] budget window, milliseconds
ARGV[10] base duration, milliseconds
ARGV[11] factor per further strike, thousandths
ARGV[12] longest duration, milliseconds
ARGV[13] jitter, millionths of the duration
ARGV[14] random number, millionths
ARGV[15] how long a strike counts, milliseconds
ARGV[16] what never changes of the block (JSON)
ARGV[17] reason when it is proposed for review
ARGV[18] reason when it is proposed for lack of budget
ARGV[19] how long blocks are kept after their end, milliseconds
ARGV[20] least time that a written key lives, milliseconds: log time is not wall time
ARGV[21] changes kept
ARGV[22] blocks kept

Returns {kind, block id, reason, now ms, expiry ms, strikes, state}; kind is activated | proposed | already | suppressed
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local block_id, client, rule = ARGV[3], ARGV[4], ARGV[5]
local longest = tonumber(ARGV[12])
local least_ttl = tonumber(ARGV[20])
local function whole(number) return string.format('%.0f', number) end
local function ttl(ms) return whole(math.max(ms, least_ttl)) end

local known = redis.call('GET', KEYS[7])
if known then
  local kind, rest = string.match(known, '^(%S+) (.+)$')
  if kind == 'already' then return { 'already', rest, '', now, 0, 0, '' } end
  return { 'suppressed', '', rest, now, 0, 0, '' }
end

local function remember(outcome) redis.call('SET', KEYS[7], outcome, 'PX', ttl(longest + 3600000)) end
local function suppressed(reason)
  remember('suppressed ' .. reason)
  return { 'suppressed', '', reason, now, 0, 0, '' }
end
local function already(id)
  remember('already ' .. id)
  return { 'already', id, '', now, 0, 0, '' }
end

if now - tonumber(ARGV[6]) >= longest then return suppressed('stale') end
if tonumber(redis.call('GET', KEYS[10]) or '0') > now then return suppressed('allow-list') end
if tonumber(redis.call('GET', KEYS[9]) or '0') > now then return suppressed('tombstone') end

local entry = redis.call('HGET', KEYS[2], client)
if entry then
  local expiry, id = string.match(entry, '^(%d+) (%S+)')
  if tonumber(expiry) > now then return already(id) end
end

redis.call('ZREMRANGEBYSCORE', KEYS[12], '-inf', whole(now - tonumber(ARGV[9])))
local review = ARGV[7] == 'review'
local over_budget = not review and redis.call('ZCARD', KEYS[12]) >= tonumber(ARGV[8])
if review or over_budget then
  local expiry, id = string.match(redis.call('GET', KEYS[11]) or '0 -', '^(%d+) (%S+)')
  if tonumber(expiry) > now then return already(id) end
end

redis.call('ZREMRANGEBYSCORE', KEYS[8], '-inf', whole(now))
local strikes = redis.call('ZCARD', KEYS[8]) + 1
local duration = math.min(tonumber(ARGV[10]), longest)
for _ = 2, strikes do
  if duration >= longest then break end
  duration = math.min(longest, math.floor(duration * tonumber(ARGV[11]) / 1000))
end
local spread = math.floor(duration * tonumber(ARGV[13]) / 1000000)
duration = math.max(1, duration - math.floor(spread * tonumber(ARGV[14]) / 1000000))
local expiry = now + duration

local state = (review or over_budget) and 'proposed' or 'active'
local reason = review and ARGV[17] or (over_budget and ARGV[18] or '')
local list_ttl = ttl(longest + tonumber(ARGV[19]))
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[2])
redis.call('ZADD', KEYS[5], redis.call('HINCRBY', KEYS[1], 'order', 1), block_id)
redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -1 - tonumber(ARGV[22]))
redis.call('HSET', KEYS[6], 'state', state, 'version', 1, 'blockedAtMs', whole(now), 'expiresAtMs', whole(expiry),
  'strikes', strikes, 'reason', reason, 'actor', 'detector', 'fixed', ARGV[16])
redis.call('PEXPIRE', KEYS[6], ttl(duration + tonumber(ARGV[19])))
remember('already ' .. block_id)

if state == 'proposed' then
  redis.call('SET', KEYS[11], whole(expiry) .. ' ' .. block_id, 'PX', ttl(duration))
else
  redis.call('ZADD', KEYS[12], whole(now), block_id)
  redis.call('PEXPIRE', KEYS[12], ttl(tonumber(ARGV[9])))
  redis.call('ZADD', KEYS[8], whole(now + tonumber(ARGV[15])), block_id)
  redis.call('PEXPIRE', KEYS[8], ttl(tonumber(ARGV[15])))
  -- A bounded sweep with each write; gates honour the expiry by themselves, so it is no change to tell them.
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', whole(now), 'LIMIT', 0, 100)) do
    redis.call('HDEL', KEYS[2], gone)
    redis.call('ZREM', KEYS[3], gone)
  end
  local line = whole(expiry) .. ' ' .. block_id .. ' ' .. rule
  redis.call('HSET', KEYS[2], client, line)
  redis.call('ZADD', KEYS[3], whole(expiry), client)
  local sequence = redis.call('HINCRBY', KEYS[1], 'sequence', 1)
  redis.call('XADD', KEYS[4], 'MAXLEN', ARGV[21], sequence .. '-0', 'kind', 'added', 'client', client, 'entry', line)
  redis.call('PEXPIRE', KEYS[2], list_ttl)
  redis.call('PEXPIRE', KEYS[3], list_ttl)
  redis.call('PEXPIRE', KEYS[4], list_ttl)
end
redis.call('PEXPIRE', KEYS[1], list_ttl)
redis.call('PEXPIRE', KEYS[5], list_ttl)
return { state == 'active' and 'activated' or 'proposed', block_id, reason, now, expiry, strikes, state }
