--[[ Spend from several token buckets at once: all of the enforced ones, or none.
A bucket is one integer, the theoretical arrival time (GCRA, ITU-T I.371; as a token bucket: full at TAT <= now).
A refusal writes nothing, except that shadow buckets are spent on their own.

KEYS[1..n] one counter each; holds the theoretical arrival time, microseconds since the epoch
ARGV[1] now, microseconds since the epoch; 0 reads the clock of this server
ARGV[2] least time that a written key lives, milliseconds (0 unless ARGV[1] is given)
ARGV[3 + 4(i-1)] bucket i: emission interval, whole microseconds per unit, > 0
ARGV[4 + 4(i-1)] bucket i: burst, units, >= 1
ARGV[5 + 4(i-1)] bucket i: cost, units, >= 0; 0 peeks
ARGV[6 + 4(i-1)] bucket i: 1 = shadow, 0 = enforced

Returns {allowed 0|1, then per bucket: allowed 0|1, remaining units, reset after us, retry after us (-1 = never fits)}
]]
local now = tonumber(ARGV[1])
local least_ttl_ms = tonumber(ARGV[2])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local buckets = {}
local all_fit = true
-- The same counter may be asked twice in one call: what the first one takes must be seen by the second.
local pending = {}

for i = 1, #KEYS do
  local at = 3 + 4 * (i - 1)
  local interval, burst, cost = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local shadow = ARGV[at + 3] == '1'
  local capacity = burst * interval
  local stored = pending[KEYS[i]] or tonumber(redis.call('GET', KEYS[i]) or '0') or 0
  -- Never trust more debt than the burst allows: a clock that ran ahead, or a limit that shrank, heals by itself.
  local tat = math.min(math.max(stored, now), now + capacity)
  local spent = tat + cost * interval
  local fits = spent - now <= capacity
  if fits then
    pending[KEYS[i]] = spent
  elseif not shadow then
    all_fit = false
  end
  buckets[i] = {
    interval = interval, burst = burst, cost = cost, capacity = capacity,
    shadow = shadow, tat = tat, spent = spent, fits = fits,
  }
end

local reply = { all_fit and 1 or 0 }
for i = 1, #KEYS do
  local bucket = buckets[i]
  local commit = bucket.fits and bucket.cost > 0 and (all_fit or bucket.shadow)
  local tat = commit and bucket.spent or bucket.tat
  if commit then
    local ttl_ms = math.max(math.ceil((tat - now) / 1000), least_ttl_ms, 1)
    redis.call('SET', KEYS[i], string.format('%.0f', tat), 'PX', string.format('%.0f', ttl_ms))
  end
  local retry_after = 0
  if not bucket.fits then
    retry_after = bucket.cost > bucket.burst and -1 or bucket.spent - now - bucket.capacity
  end
  reply[#reply + 1] = bucket.fits and 1 or 0
  reply[#reply + 1] = math.floor((bucket.capacity - (tat - now)) / bucket.interval)
  reply[#reply + 1] = tat - now
  reply[#reply + 1] = retry_after
end
return reply
