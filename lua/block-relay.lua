--[[ Who publishes the change log, and up to where it is published. Behind block-list.lua.

ARGV[2] JSON: holder (takes or keeps the lead) and ttlMs, or epoch and sequence (up to which everything is published)

Returns {1} when it is so, {0} when another holder leads, or when the epoch is over
]]
local asked = cjson.decode(ARGV[2])
if asked.holder then
  -- Kept with its end: the key outlives it in log time.
  local ends, leader = string.match(redis.call('GET', key('relay')) or '0 ', '^(%d+) (.*)$')
  if leader ~= asked.holder and tonumber(ends) > now then return { 0 } end
  redis.call('SET', key('relay'), whole(now + asked.ttlMs) .. ' ' .. asked.holder)
  live(key('relay'), asked.ttlMs)
  return { 1 }
end
if asked.epoch ~= place.epoch then return { 0 } end
redis.call('HSET', list, 'relayed', whole(math.min(place.sequence, place.start + asked.sequence)), 'relayedEpoch', place.epoch)
live_until(now)
return { 1 }
