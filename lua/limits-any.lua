--[[ The second half of limits.lua, which it is joined to: any algorithm, leases, and giving back. Where all that is asked
are plain spends of buckets, the first half has answered.

KEYS[1..n] the counters, as in limits.lua
ARGV[rest] what single limits need, as in limits.lua

Returns as limits.lua
]]
local LEASE_LIFETIME, LEASE_SHARE, LEAST_LEASE, MAX_GRANTS = 1000000, 0.25, 4, 128

local function next_extra()
  extra_at = extra_at + 1
  return ARGV[extra_at - 1]
end

local function answer(value, fits)
  reply[#reply + 1] = fits and value or -1 - value
end

-- Lua itself writes an integer above 10^14 with an exponent.
local function whole(number)
  return text('%d', number)
end

local function lent_units(grants)
  local lent = 0
  for _, grant in ipairs(grants) do lent = lent + grant.units end
  return lent
end

-- Per algorithm: load a stored counter, settle it at now (true: it was mended), and so on, as in
-- src/limiter/algorithms/counter.ts.
local bucket = {}

function bucket.load(counter, stored)
  counter.tat = tonumber(stored) or 0
  if stored and not tonumber(stored) then
    counter.tat = tonumber(string.match(stored, '^%d+')) or 0
    counter.grants = {}
    for id, units in string.gmatch(stored, '(%d+):(%d+)') do
      table.insert(counter.grants, { id = tonumber(id), units = tonumber(units) })
    end
  end
end

function bucket.settle(counter, t)
  local lent = 0
  if counter.grants then
    local live = {}
    lent = lent_units(counter.grants)
    for _, grant in ipairs(counter.grants) do
      if grant.id > now and grant.id <= now + LEASE_LIFETIME + MAX_GRANTS then
        table.insert(live, grant)
      else
        -- Nobody gave it back: spent, as far as anyone knows, in its last moment.
        counter.tat = max(counter.tat, min(grant.id, now) + lent * t.period)
        lent = lent - grant.units
      end
    end
    counter.grants = live
  end
  local full = now + max(t.capacity, lent) * t.period
  local mended = counter.tat > full
  counter.tat = min(max(counter.tat, now + lent * t.period), full)
  return mended
end

function bucket.fits(counter, t) return counter.tat - now <= (t.capacity - t.cost) * t.period end
function bucket.take(counter, t) counter.tat = counter.tat + t.cost * t.period end
function bucket.undo(counter, t) counter.tat = counter.tat - t.cost * t.period end
function bucket.empty(counter, t) counter.tat = max(counter.tat, now + t.capacity * t.period) end

function bucket.give_back(counter, t)
  local units = t.cost
  if t.mode == END_LEASE then
    local id, ended = tonumber(next_extra()), nil
    for index, grant in ipairs(counter.grants or {}) do
      if grant.id == id then ended = index end
    end
    if not ended then return end
    units = min(units, table.remove(counter.grants, ended).units)
  end
  counter.tat = max(counter.tat - units * t.period, now + lent_units(counter.grants or {}) * t.period)
end

function bucket.grant(counter, t)
  counter.grants = counter.grants or {}
  local spare = floor(floor((t.capacity * t.period - (counter.tat - now)) / t.period) * LEASE_SHARE)
  local units = min(t.lease, spare)
  if units < LEAST_LEASE or #counter.grants >= MAX_GRANTS then return 0, 0 end
  local last = counter.grants[#counter.grants]
  local id = max(now + LEASE_LIFETIME, last and last.id + 1 or 0)
  counter.tat = counter.tat + units * t.period
  table.insert(counter.grants, { id = id, units = units })
  return units, id - now
end

function bucket.tell(counter, _, fits) answer(counter.tat - now, fits) end

function bucket.save(name, counter, t)
  local grants = counter.grants
  if not grants or #grants == 0 then
    if counter.tat <= now then return call('DEL', name) end
    return write(name, whole(counter.tat), counter.tat)
  end
  local parts = { whole(counter.tat) }
  for _, grant in ipairs(grants) do table.insert(parts, whole(grant.id) .. ':' .. whole(grant.units)) end
  write(name, table.concat(parts, ' '), max(counter.tat, grants[#grants].id + lent_units(grants) * t.period))
end

local window = {}

function window.load(counter, stored)
  local start, used, previous = string.match(stored or '', '^(%d+) (%d+) ?(%d*)$')
  counter.start, counter.used = tonumber(start) or 0, tonumber(used) or 0
  counter.previous = tonumber(previous or '') or 0
end

function window.settle(counter, t)
  local start = now - now % t.period
  -- A window that begins later was written by a clock that ran ahead: it counts as this one.
  if counter.start < start then
    counter.previous = counter.start == start - t.period and counter.used or 0
    counter.used = 0
  end
  local mended = counter.start > start
  counter.start = start
  return mended
end

function window.fits(counter, t) return counter.used + t.cost <= t.capacity end
function window.take(counter, t) counter.used = counter.used + t.cost end
function window.undo(counter, t) counter.used = counter.used - t.cost end
function window.empty(counter, t) counter.used = max(counter.used, t.capacity) end

function window.give_back(counter, t)
  if tonumber(next_extra()) >= counter.start then counter.used = max(0, counter.used - t.cost) end
end

function window.tell(counter, _, fits)
  answer(now - counter.start, fits)
  reply[#reply + 1] = counter.used
end

function window.save(name, counter, t)
  if counter.used == 0 then return call('DEL', name) end
  write(name, whole(counter.start) .. ' ' .. whole(counter.used), counter.start + t.period)
end

local function sliding_used(counter, t)
  return counter.used + ceil(counter.previous * ((t.period - (now - counter.start)) / t.period))
end

local sliding = { load = window.load, settle = window.settle, take = window.take, undo = window.undo }

function sliding.fits(counter, t) return sliding_used(counter, t) + t.cost <= t.capacity end
function sliding.empty(counter, t) counter.used = counter.used + max(0, t.capacity - sliding_used(counter, t)) end

function sliding.give_back(counter, t)
  local spent_at = tonumber(next_extra())
  if spent_at >= counter.start then
    counter.used = max(0, counter.used - t.cost)
  elseif spent_at >= counter.start - t.period then
    counter.previous = max(0, counter.previous - t.cost)
  end
end

function sliding.tell(counter, t, fits)
  window.tell(counter, t, fits)
  reply[#reply + 1] = counter.previous
end

function sliding.save(name, counter, t)
  local ends = counter.start + (counter.used > 0 and 2 or 1) * t.period
  if counter.used == 0 and counter.previous == 0 then return call('DEL', name) end
  write(name, whole(counter.start) .. ' ' .. whole(counter.used) .. ' ' .. whole(counter.previous), ends)
end

-- `places` holds what this call changes: expiry by member, false = gone. Those that have expired, and those that would last too
-- long, may be a hundred thousand: they are changed in few commands, and never walked over for each limit of a call.
local flight, MANY_EXPIRED, ZADD_MEMBERS = {}, 1000, 1000

local function units_of(members)
  local units = 0
  for _, member in ipairs(members) do units = units + tonumber(string.match(member, '^%d+')) end
  return units
end

function flight.load(counter, _, name)
  counter.name, counter.places, counter.taken = name, {}, 0
  counter.used = -(tonumber(call('ZSCORE', name, 'used') or '0') or 0)
end

-- Of the expired and the live ones the fewer are added up.
local function used_without(counter, expired)
  local name, live = counter.name, '(' .. whole(now)
  if expired <= call('ZCOUNT', name, live, '+inf') then
    return counter.used - units_of(call('ZRANGEBYSCORE', name, '0', whole(now)))
  end
  return units_of(call('ZRANGEBYSCORE', name, live, '+inf'))
end

function flight.settle(counter, t)
  if counter.settled then return false end
  counter.settled = true
  counter.expired = call('ZCOUNT', counter.name, '0', whole(now))
  if counter.expired > 0 then counter.used = used_without(counter, counter.expired) end
  -- No place of these terms lasts longer: it was taken under others, or by a clock that ran ahead.
  local late = call('ZRANGEBYSCORE', counter.name, '(' .. whole(now + t.period), '+inf')
  for from = 1, #late, ZADD_MEMBERS do
    local added = {}
    for at = from, min(from + ZADD_MEMBERS - 1, #late) do
      added[#added + 1] = whole(now + t.period)
      added[#added + 1] = late[at]
    end
    call('ZADD', counter.name, unpack(added))
  end
  return #late > 0 or counter.expired > MANY_EXPIRED
end

function flight.fits(counter, t) return counter.used + t.cost <= t.capacity end

function flight.take(counter, t, permit)
  if t.cost == 0 then return end
  counter.places[whole(t.cost) .. ':' .. permit] = now + t.period
  counter.used = counter.used + t.cost
  counter.taken = counter.taken + 1
  counter.mixed = counter.mixed or (counter.period and counter.period ~= t.period)
  counter.period = t.period
end

function flight.undo(counter, t, permit)
  if t.cost == 0 then return end
  counter.places[whole(t.cost) .. ':' .. permit] = false
  counter.used = counter.used - t.cost
  counter.taken = counter.taken - 1
end

function flight.empty() end

function flight.give_back(counter, t, permit)
  local member = whole(t.cost) .. ':' .. permit
  local held = counter.places[member]
  if held == nil then held = tonumber(call('ZSCORE', counter.name, member) or '0') end
  if held and held > now then
    counter.places[member] = false
    counter.used = counter.used - t.cost
  end
end

local function stored_edge(counter, command, from, to)
  local found = call(command, counter.name, from, to, 'WITHSCORES', 'LIMIT', 0, 1)
  return tonumber(found[2])
end

-- When the first and the last place expires that was there before this call.
local function stored_edges(counter)
  if not counter.looked then
    counter.looked = true
    local live = '(' .. whole(now)
    counter.first = stored_edge(counter, 'ZRANGEBYSCORE', live, '+inf')
    counter.last = counter.first and stored_edge(counter, 'ZREVRANGEBYSCORE', '+inf', live)
  end
  return counter.first, counter.last
end

-- What was taken in this call expires after all else, and at one moment, unless it was taken under several terms.
local function edges_of(counter)
  local first, last = stored_edges(counter)
  if counter.taken > 0 and not counter.mixed then
    local own = now + counter.period
    return (first or own) - now, max(last or own, own) - now
  end
  if counter.taken > 0 then
    for _, expires in pairs(counter.places) do
      if expires then first, last = min(first or expires, expires), max(last or expires, expires) end
    end
  end
  return (first or now) - now, (last or now) - now
end

function flight.tell(counter, _, fits)
  answer(counter.used, fits)
  local first, last = edges_of(counter)
  reply[#reply + 1] = first
  reply[#reply + 1] = last
end

function flight.save(name, counter)
  if counter.used <= 0 then return call('DEL', name) end
  if counter.expired > 0 then call('ZREMRANGEBYSCORE', name, '0', whole(now)) end
  for member, expires in pairs(counter.places) do
    if expires then call('ZADD', name, whole(expires), member) else call('ZREM', name, member) end
  end
  call('ZADD', name, -counter.used, 'used')
  local last = call('ZRANGE', name, -1, -1, 'WITHSCORES')
  call('PEXPIRE', name, max(ceil((tonumber(last[2]) - now) / 1000), least_ttl_ms, 1))
end

local algorithms = { bucket, bucket, window, sliding, flight }

local counters, changed = {}, {}
local done = 0

local function change(name, counter, t, algorithm)
  if not counter.changed then
    counter.changed = true
    changed[#changed + 1] = name
  end
  counter.terms, counter.algorithm = t, algorithm
end

local function counter_of(limit)
  local k1, k2, t1, t2 = byte(numbers, 4 * limit + 1, 4 * limit + 4)
  local key, t = k1 * 128 + k2, terms[t1 * 128 + t2]
  local name, algorithm = KEYS[key], algorithms[t.algorithm]
  local counter = counters[name]
  if not counter then
    counter = {}
    algorithm.load(counter, stored[key], name)
    counters[name] = counter
  end
  if algorithm.settle(counter, t) then change(name, counter, t, algorithm) end
  return counter, t, algorithm, name
end

-- The spend of limits `first` to `last`: takes what fits in turn, and takes it back when an enforced one has no room.
local function spend(first, last)
  local drawn, allowed = {}, true
  for limit = first, last do
    local counter, t, algorithm, name = counter_of(limit)
    local permit = t.algorithm == 5 and next_extra() or nil
    if t.mode == GIVE_BACK or t.mode == END_LEASE then
      algorithm.give_back(counter, t, permit)
      change(name, counter, t, algorithm)
    else
      local fits = algorithm.fits(counter, t)
      if fits then algorithm.take(counter, t, permit)
      elseif t.mode == CHARGE then algorithm.empty(counter, t)
      elseif t.mode == ENFORCE then allowed = false end
      drawn[#drawn + 1] = { name, counter, t, algorithm, fits, permit }
    end
  end
  for _, draw in ipairs(drawn) do
    local name, counter, t, algorithm, fits, permit = unpack(draw, 1, 6)
    draw.taken = fits and (allowed or t.mode ~= ENFORCE)
    if fits and not draw.taken then algorithm.undo(counter, t, permit) end
    if (draw.taken and t.cost > 0) or (t.mode == CHARGE and not fits) then change(name, counter, t, algorithm) end
  end
  for _, draw in ipairs(drawn) do
    local name, counter, t, algorithm, fits = unpack(draw, 1, 5)
    local units, expires = 0, 0
    if t.lease > 0 and draw.taken and t.algorithm == 1 then
      units, expires = algorithm.grant(counter, t)
      if units > 0 then change(name, counter, t, algorithm) end
    end
    algorithm.tell(counter, t, fits)
    if t.lease > 0 then
      reply[#reply + 1] = units
      reply[#reply + 1] = expires
    end
  end
end

for number = 1, #sizes, 2 do
  local s1, s2 = byte(sizes, number, number + 1)
  local size = s1 * 128 + s2
  spend(done, done + size - 1)
  done = done + size
end
for _, name in ipairs(changed) do
  local counter = counters[name]
  counter.algorithm.save(name, counter, counter.terms)
end
return reply
