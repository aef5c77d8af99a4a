--[[ Set or end an allow entry; setting one lifts at once what is in force of exactly this subject, and its open proposal.
Behind block-list.lua and block-entries.lua.

ARGV[2] JSON: subject, sortKey ('' = it is no address), sender ('' = it is no key and no user), notice (for the audit, JSON text), and to set one: shard, entry (JSON
  text), ends, reason, actor and taken (of the blocks that it lifts), most (allow entries that there may be)

Returns {1}; {0} when there was none to end; {-1} when there are too many
]]
local asked = cjson.decode(ARGV[2])
local subject, shard = asked.subject, asked.shard

local function forget(held, sender)
  redis.call('HDEL', key('allow'), held)
  if sender and sender ~= '' then redis.call('HDEL', key('senders'), sender) end
end

local function tell(ends)
  record('exempted', 0, 'p', cjson.encode({ subject, ends }), 'b', '', 'a', asked.notice)
end

if not asked.entry then
  local held = allow_of(subject)
  forget(subject, asked.sender)
  if not held then return { 0 } end
  tell(0)
  return { 1 }
end

-- People write these: few enough to look at all of them.
local flat = redis.call('HGETALL', key('allow'))
for index = 1, #flat, 2 do
  local held = cjson.decode(flat[index + 1])
  if held.untilMs <= now then forget(flat[index], held.sender) end
end
if redis.call('HLEN', key('allow')) >= asked.most and redis.call('HEXISTS', key('allow'), subject) == 0 then return { -1 } end
redis.call('HSET', key('allow'), subject, asked.entry)
live_until(asked.ends, key('allow'))
if asked.sender ~= '' then
  redis.call('HSET', key('senders'), asked.sender, subject)
  live_until(asked.ends, key('senders'))
end
protect('a', subject, asked.sortKey, asked.ends)
tell(asked.ends)

local entry = entry_at(subject, shard)
if entry and (entry.import or not is_open(entry.id)) then
  drop_entries(shard, { subject })
  record('removed', 1, 'p', cjson.encode({ subject, entry.id }), 'b', entry.import and entry.id or '',
    'a', entry.import and told_block(entry.id) or asked.notice)
elseif entry then
  change_block(entry.id, 'state', 'lifted', 'reason', asked.reason, 'actor', asked.actor)
  note_step(entry.id, asked.taken)
  unenforce(subject, shard, entry.id, asked.taken)
end
local proposal = proposal_of(subject)
redis.call('DEL', key('proposal', subject))
if proposal and is_open(proposal) then
  change_block(proposal, 'state', 'lifted', 'reason', asked.reason, 'actor', asked.actor)
  note_step(proposal, asked.taken)
  record_block('noted', 0, '', proposal, asked.taken)
end
sweep(4)
return { 1 }
