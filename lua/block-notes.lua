--[[ Take notes of traffic, of identities at addresses, and of what blocks kept away. Behind block-list.lua, block-entries.lua
and block-counts.lua. Each call sweeps some shards, so that entries go even where nobody writes any.

ARGV[2] JSON: traffic (each: window start ms, partition, allowed, clients), identities (each: network, address, identity),
  refusals (each: block id, refused, commands, bytes, newest ms), perNetwork (identities kept of one network), networks (with
  identities, kept)

Returns {notes left out}
]]
local asked = cjson.decode(ARGV[2])
local left_out = 0

for _, note in ipairs(asked.traffic) do
  local name = key('traffic', whole(note[1] - note[1] % 60000))
  -- Older than any share is taken of, or from a clock that is ahead by more than a step.
  if note[1] <= now - hour or note[1] > now + hour then
    left_out = left_out + 1
  else
    redis.call('HSET', name, whole(note[2]), whole(note[3]) .. ' ' .. whole(note[4]))
    live(name, note[1] - now + 2 * hour)
  end
end

local function forget_network(network)
  redis.call('DEL', key('i', network))
  redis.call('ZREM', key('networks'), network)
  redis.call('ZREM', key('noted'), network)
end

local function has_room_at(network, field)
  local name = key('i', network)
  if redis.call('HEXISTS', name, field) == 1 then return true end
  if redis.call('HLEN', name) < asked.perNetwork then return true end
  local flat = redis.call('HGETALL', name)
  for index = 1, #flat, 2 do
    if tonumber(flat[index + 1]) <= math.floor(now / hour) - identity_hours then redis.call('HDEL', name, flat[index]) end
  end
  return redis.call('HLEN', name) < asked.perNetwork
end

if #asked.identities > 0 then
  local ends = whole(now - identity_hours * hour)
  for _, network in ipairs(redis.call('ZRANGEBYSCORE', key('noted'), '-inf', ends, 'LIMIT', 0, 200)) do forget_network(network) end
  local count = redis.call('ZCARD', key('networks'))
  for _, note in ipairs(asked.identities) do
    local network, field = note[1], note[2] .. ' ' .. note[3]
    local is_new = not redis.call('ZSCORE', key('networks'), network)
    if (is_new and count >= asked.networks) or not has_room_at(network, field) then
      left_out = left_out + 1
    else
      count = is_new and count + 1 or count
      redis.call('HSET', key('i', network), field, whole(math.floor(now / hour)))
      live(key('i', network), (identity_hours + 1) * hour)
      redis.call('ZADD', key('networks'), 0, network)
      redis.call('ZADD', key('noted'), whole(now), network)
    end
  end
  live_until(now, key('networks'), key('noted'))
end

local function count_refused(name, note)
  redis.call('HINCRBY', name, 'refused', whole(note[2]))
  redis.call('HINCRBY', name, 'commandsSpared', whole(note[3]))
  redis.call('HINCRBY', name, 'bytesSpared', whole(note[4]))
  local last = tonumber(redis.call('HGET', name, 'refusedAtMs') or '0')
  if note[5] > last then redis.call('HSET', name, 'refusedAtMs', whole(note[5])) end
end
for _, note in ipairs(asked.refusals) do
  if redis.call('EXISTS', key('block', note[1])) == 1 then
    count_refused(key('block', note[1]), note)
    count_refused(key('refused'), note)
  else
    left_out = left_out + 1
  end
end
if #asked.refusals > 0 then live_until(now, key('refused')) end
sweep(16)
return { left_out }
