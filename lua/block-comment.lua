--[[ What a person says of a block, which stays as it is. Behind block-list.lua.

ARGV[2] JSON: id, taken (what the person does, JSON text)

Returns {commented, block id, then the fields and values of the block}; {missing}
]]
local asked = cjson.decode(ARGV[2])
local id = asked.id
if redis.call('EXISTS', key('block', id)) == 0 then return { 'missing' } end
note_step(id, asked.taken)
record_block('noted', 0, '', id, asked.taken)
return with_block('commented', id)
