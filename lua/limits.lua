--[[ Answer several spends in one call, or give back what earlier ones took. Each spend asks several limits: all of its
enforced ones are taken, or none. Spends are answered in their order, each as if it came alone: a later one sees what an
earlier one took. A refusal writes nothing, except that limits which are not enforced are spent on their own, and that a stored time which
no honest clock can have written is mended.
The arithmetic of each algorithm, with its source, is src/limiter/algorithms/; both agree to the microsecond.

Stored forms: token bucket `tat` or `tat id:units id:units`, where each id is an outstanding lease and its expiry · leaky
bucket `tat` · fixed window `start used` · sliding window `start current previous` · concurrency: a sorted set of
`units:permit` by expiry, and `used` by the negative sum of their units. Microseconds since the epoch.

KEYS[1..n] the counters, each once
ARGV[1] now, microseconds since the epoch; 0 reads the clock of this server
ARGV[2] least time that a written key lives, milliseconds (0 unless ARGV[1] is given)
ARGV[3] terms, count; then per terms six numbers:
ARGV[at] algorithm: 1 token bucket, 2 leaky bucket, 3 fixed window, 4 sliding window, 5 concurrency
ARGV[at + 1] period, whole microseconds, > 0
ARGV[at + 2] capacity, units, >= 1
ARGV[at + 3] cost, units, >= 0; 0 peeks
ARGV[at + 4] mode: 1 enforce, 2 shadow, 3 charge (taken even where it does not fit), 4 give back, 5 end a lease
ARGV[at + 5] units wanted in advance (token bucket), 0 = none
ARGV[after the terms] how many limits each spend has, as one text. A number is two characters, codes = 7 bits each, high
ones first
ARGV[next] two numbers of each limit, spend by spend, as one text: of its counter in KEYS, of its terms, both from 1
ARGV[rest] one for each limit that needs more, in their order: the permit (concurrency), the instant of the spend (mode 4
of a window), the id of the lease (mode 5)

Returns one flat list: now us; then for each limit that is spent from, relative to now and after the spend: token and leaky
bucket us until full · fixed window us since its start, units · sliding window us since its start, units, units before it ·
concurrency units in flight, us until the first and the last place expires. The first number v of a limit that had no room
is -1 - v. Where units were wanted in advance two more follow: units granted, us until they expire (0, 0 = none)
]]
local now = tonumber(ARGV[1])
local least_ttl_ms = tonumber(ARGV[2])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local max, min, floor, ceil, byte, text = math.max, math.min, math.floor, math.ceil, string.byte, string.format
local call = redis.call
-- Integers become texts here: Redis would write them with 17 digits of a fraction, which takes it twice as long.
local function write(name, value, ends)
  call('PSETEX', name, text('%d', max(ceil((ends - now) / 1000), least_ttl_ms, 1)), value)
end
local ENFORCE, CHARGE, GIVE_BACK, END_LEASE = 1, 3, 4, 5

local terms = {}
-- Whether all that is asked are plain spends of buckets: nearly always, and worth a short way.
local plain = true
local at = 4
for number = 1, tonumber(ARGV[3]) do
  local period, capacity, cost = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local algorithm, mode, lease = tonumber(ARGV[at]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  if algorithm > 2 or mode > CHARGE or lease > 0 then plain = false end
  terms[number] = {
    algorithm = algorithm, period = period, capacity = capacity, cost = cost, mode = mode, lease = lease,
    full = capacity * period, room = (capacity - cost) * period, price = cost * period,
  }
  at = at + 6
end
local sizes, numbers, extra_at = ARGV[at], ARGV[at + 1], at + 2

local reply = { now }
local stored = call('MGET', unpack(KEYS))
-- A bucket that has leases is no plain number.
for number = 1, #KEYS do
  local value = stored[number]
  if value then
    value = plain and tonumber(value)
    if value then stored[number] = value else plain = false end
  end
end

if plain then
  local changed, fitted, changed_before = {}, {}, {}
  local to, told = 0, 1
  for spend = 1, #sizes, 2 do
    local s1, s2 = byte(sizes, spend, spend + 1)
    local size, allowed = s1 * 128 + s2, true
    local from = to
    to = from + size
    for limit = from, to - 1 do
      local k1, k2, t1, t2 = byte(numbers, 4 * limit + 1, 4 * limit + 4)
      local key, t = k1 * 128 + k2, terms[t1 * 128 + t2]
      local tat, before = stored[key] or now, changed[key]
      if tat < now then
        tat = now
      elseif tat > now + t.full then
        tat = now + t.full
        before = true
      end
      local fits, changes = tat - now <= t.room, before
      if fits then
        tat = tat + t.price
        changes = before or t.price > 0
      elseif t.mode == ENFORCE then
        allowed = false
      elseif t.mode == CHARGE then
        tat, changes = now + t.full, true
      end
      stored[key], changed[key] = tat, changes
      told = told + 1
      reply[told] = fits and tat - now or -1 - (tat - now)
      if size > 1 then fitted[limit], changed_before[limit] = fits, before or false end
    end
    if size > 1 then
      for limit = allowed and from or to, from + 1, -1 do
        local k1, k2, t1, t2 = byte(numbers, 4 * limit - 3, 4 * limit)
        local key, t = k1 * 128 + k2, terms[t1 * 128 + t2]
        if fitted[limit - 1] and t.mode == ENFORCE then stored[key] = stored[key] - t.price end
        changed[key] = changed_before[limit - 1]
      end
      for limit = from, allowed and from - 1 or to - 1 do
        local k1, k2, t1, t2 = byte(numbers, 4 * limit + 1, 4 * limit + 4)
        local key, t = k1 * 128 + k2, terms[t1 * 128 + t2]
        if fitted[limit] and t.mode > ENFORCE and t.price > 0 or not fitted[limit] and t.mode == CHARGE then
          changed[key] = true
        end
      end
      for limit = from, to - 1 do
        local k1, k2 = byte(numbers, 4 * limit + 1, 4 * limit + 2)
        local value = stored[k1 * 128 + k2] - now
        reply[told - to + limit + 1] = fitted[limit] and value or -1 - value
      end
    end
  end
  for key, name in ipairs(KEYS) do
    if changed[key] then
      local tat = stored[key]
      local ttl_ms = ceil((tat - now) / 1000)
      if ttl_ms < least_ttl_ms then ttl_ms = least_ttl_ms end
      if tat > now then call('PSETEX', name, text('%d', ttl_ms), text('%d', tat)) else call('DEL', name) end
    end
  end
  return reply
end
