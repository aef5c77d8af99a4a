--[[ A block by hand. Behind block-list.lua, block-entries.lua and block-counts.lua.

ARGV[2] JSON: id, fixed (what never changes of the block, JSON text), subject, shard, around, inside, addresses, scopes (who must not be
  blocked, see block-promote.lua), ends, action, rule, reason, actor, superseded (reason of what this one takes the place of), taken and ended
  (what the person did to this one and to those, JSON text)

A block of that id that is there was made before: it is left as it is.

Returns {added, block id, then the fields and values of the block}; {allow-list | canary, JSON of the allow entry} when it is
refused
]]
local asked = cjson.decode(ARGV[2])
if redis.call('EXISTS', key('block', asked.id)) == 1 then return with_block('added', asked.id) end
local reason, held = protection(asked.around, asked.inside, senders_at(asked.addresses, asked.scopes))
if reason == 'allow-list' or reason == 'canary' then return { reason, cjson.encode(held) } end
supersede(asked.subject, asked.shard, asked.id, { reason = asked.superseded, actor = asked.actor, taken = asked.ended })
keep_block(asked.id, asked.ends, 'fixed', asked.fixed, 'state', 'active', 'strikes', 0, 'reason', asked.reason,
  'actor', asked.actor, 'action', asked.action, 'identities', '', 'strikeTtlMs', 0)
enforce(asked.subject, asked.shard, { ends = asked.ends, id = asked.id, rule = asked.rule, action = asked.action }, asked.taken)
sweep(4)
return with_block('added', asked.id)
