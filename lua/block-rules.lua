--[[ Note which rules a detector runs. Behind block-list.lua.

Keys behind the prefix:
rules: name -> "<milliseconds> <JSON text of the rule>" as noted last (hash); ruled: the same names by when (sorted set)
definitions: hash -> the same (hash); defined: hashes by when they were noted last, milliseconds (sorted set)

ARGV[2] JSON: rules (each: name, hash, JSON text), most (names), mostDefinitions

Returns {names that are noted}
]]
local asked = cjson.decode(ARGV[2])
local function trim(by_time, hash, most)
  local over = redis.call('ZCARD', key(by_time)) - most
  if over <= 0 then return end
  for _, old in ipairs(redis.call('ZRANGE', key(by_time), 0, over - 1)) do redis.call('HDEL', key(hash), old) end
  redis.call('ZREMRANGEBYRANK', key(by_time), 0, over - 1)
end

for _, rule in ipairs(asked.rules) do
  local text = whole(now) .. ' ' .. rule[3]
  redis.call('HSET', key('rules'), rule[1], text)
  redis.call('ZADD', key('ruled'), whole(now), rule[1])
  redis.call('HSET', key('definitions'), rule[2], text)
  redis.call('ZADD', key('defined'), whole(now), rule[2])
end
trim('ruled', 'rules', asked.most)
trim('defined', 'definitions', asked.mostDefinitions)
-- The longest block that carries a hash lasts a year.
live_until(now + 366 * day, key('rules'), key('ruled'), key('definitions'), key('defined'))
return { redis.call('ZCARD', key('ruled')) }
