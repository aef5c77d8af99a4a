--[[ Walk over a part of the entries and drop what is over; gates are told of what they cannot know by themselves: entries of a
list that was lifted or imported anew. Behind block-list.lua and block-entries.lua.

ARGV[2] JSON: from (shard to begin with), entries (to drop at most, about), forget (whether this walk began at the first
  shard, so that at its end nothing is left of imports that are gone)

Returns {next shard or -1, entries dropped that were in force until their import went}
]]
local asked = cjson.decode(ARGV[2])
local removed, looked = {}, 0
local next_shard = each_shard(asked.from, function(shard)
  for _, value in ipairs(tidy_shard(shard)) do removed[#removed + 1] = value end
  looked = looked + 1
  return #removed >= 2 * asked.entries or looked >= 200
end)
if #removed > 0 then
  local id = removed[2]
  record_block('removed', #removed / 2, cjson.encode(removed), id)
end
if not next_shard and asked.forget then
  local all = redis.call('HGETALL', key('terms'))
  for index = 1, #all, 2 do
    if cjson.decode(all[index + 1]).gone then redis.call('HDEL', key('terms'), all[index]) end
  end
end
return { next_shard or -1, #removed / 2 }
