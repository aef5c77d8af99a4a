--[[ Answer several spends in one call. Each spend asks several token buckets: all of its enforced ones are spent, or none.
Spends are answered in their order, each as if it came alone: a later one sees what an earlier one took.
A bucket is one integer, the theoretical arrival time (GCRA, ITU-T I.371; as a token bucket: full at TAT <= now).
A refusal writes nothing, except that shadow buckets are spent on their own.

KEYS[1..n] one counter each, spend by spend; holds the theoretical arrival time, microseconds since the epoch
ARGV[1] now, microseconds since the epoch; 0 reads the clock of this server
ARGV[2] least time that a written key lives, milliseconds (0 unless ARGV[1] is given)
ARGV[3] spends, count
ARGV[3 + s] buckets of spend s, count
then per bucket, in the order of the keys:
ARGV[at] emission interval, whole microseconds per unit, > 0
ARGV[at + 1] burst, units, >= 1
ARGV[at + 2] cost, units, >= 0; 0 peeks
ARGV[at + 3] 1 = shadow, 0 = enforced

Returns per spend {allowed 0|1, then per bucket: allowed 0|1, remaining units, reset after us, retry after us (-1 = never
fits)}, all in one flat list
]]
local now = tonumber(ARGV[1])
local least_ttl_ms = tonumber(ARGV[2])
local spends = tonumber(ARGV[3])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local reply = {}
-- What this script has read and written: every counter is read once, and later spends see earlier ones.
local tats = {}
local at = 4 + spends
local key = 0

local function stored_tat(name)
  local known = tats[name]
  if not known then
    known = tonumber(redis.call('GET', name) or '0') or 0
    tats[name] = known
  end
  return known
end

local function write(name, tat)
  local ttl_ms = math.max(math.ceil((tat - now) / 1000), least_ttl_ms, 1)
  redis.call('SET', name, string.format('%.0f', tat), 'PX', string.format('%.0f', ttl_ms))
  tats[name] = tat
end

-- Reads the next bucket and what drawing from it would do. `pending`: what the same spend takes from the same counter.
local function draw(pending)
  key = key + 1
  local name = KEYS[key]
  local interval, burst, cost = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local shadow = ARGV[at + 3] == '1'
  at = at + 4
  local capacity = burst * interval
  -- Never trust more debt than the burst allows: a clock that ran ahead, or a limit that shrank, heals by itself.
  local tat = math.min(math.max(pending[name] or stored_tat(name), now), now + capacity)
  local spent = tat + cost * interval
  local fits = spent - now <= capacity
  if fits then pending[name] = spent end
  return {
    name = name, interval = interval, burst = burst, cost = cost, capacity = capacity,
    shadow = shadow, tat = tat, spent = spent, fits = fits,
  }
end

for spend = 1, spends do
  local buckets, pending, all_fit = {}, {}, true
  for i = 1, tonumber(ARGV[3 + spend]) do
    local bucket = draw(pending)
    if not bucket.fits and not bucket.shadow then all_fit = false end
    buckets[i] = bucket
  end
  reply[#reply + 1] = all_fit and 1 or 0
  for _, bucket in ipairs(buckets) do
    local commit = bucket.fits and bucket.cost > 0 and (all_fit or bucket.shadow)
    local tat = commit and bucket.spent or bucket.tat
    if commit then write(bucket.name, tat) end
    local retry_after = 0
    if not bucket.fits then
      retry_after = bucket.cost > bucket.burst and -1 or bucket.spent - now - bucket.capacity
    end
    reply[#reply + 1] = bucket.fits and 1 or 0
    reply[#reply + 1] = math.floor((bucket.capacity - (tat - now)) / bucket.interval)
    reply[#reply + 1] = tat - now
    reply[#reply + 1] = retry_after
  end
end
return reply
