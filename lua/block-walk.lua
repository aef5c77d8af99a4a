--[[ Walk over a part of the entries and drop what is over; gates are told of what they cannot know by themselves: entries of a
list that was lifted or imported anew. Behind block-list.lua and block-entries.lua.

ARGV[2] JSON: from (shard to begin with), entries (to drop at most, about), gone (imports that were gone when the walk began; not
  there: it begins now)

Returns {next shard or -1, entries dropped that were in force until their import went, then the imports that were gone when
the walk began}
]]
local asked = cjson.decode(ARGV[2])
local gone = asked.gone
if not gone then
  gone = {}
  local all = redis.call('HGETALL', key('terms'))
  for index = 1, #all, 2 do
    if cjson.decode(all[index + 1]).gone then gone[#gone + 1] = all[index] end
  end
end
-- What one call may cost, counted in entries looked at: a few milliseconds.
local removed, left = {}, 10000
local next_shard = each_shard(asked.from, function(shard)
  local over, entries = tidy_shard(shard)
  for _, value in ipairs(over) do removed[#removed + 1] = value end
  left = left - entries - 4
  return #removed >= 2 * asked.entries or left <= 0
end)
if #removed > 0 then
  record_block('removed', #removed / 2, cjson.encode(removed), removed[2])
end
-- Only those: of others that went meanwhile there may be entries where the walk has been.
if not next_shard and #gone > 0 then redis.call('HDEL', key('terms'), unpack(gone)) end
return { next_shard or -1, #removed / 2, unpack(gone) }
