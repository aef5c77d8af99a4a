--[[ One page of everything that is in force. Behind block-list.lua and block-entries.lua.
Whoever reads the pages keeps the position of the first one: what changes meanwhile is told again by the changes after it.

ARGV[2] JSON: from (shard to begin with, 0 for the first page), entries (to return at least, if there are as many)

Returns {epoch, sequence, now ms, next shard or -1, fields and values of imports, fields and values of allow entries (first
page only), fields and values of switches, then subject and line of each entry, over or not}
]]
local asked = cjson.decode(ARGV[2])
local allowed = asked.from == 0 and redis.call('HGETALL', key('allow')) or {}
local reply = {
  place.epoch, told_sequence(), now, -1, redis.call('HGETALL', key('terms')), allowed,
  redis.call('HGETALL', key('switches')),
}
local next_shard = each_shard(asked.from, function(shard)
  for _, value in ipairs(redis.call('HGETALL', shard_key(shard))) do reply[#reply + 1] = value end
  return #reply > 2 * asked.entries
end)
reply[4] = next_shard or -1
return reply
