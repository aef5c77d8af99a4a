--[[ Turn a verdict into a block: once per verdict, whatever is called how often. Behind block-list.lua, block-entries.lua,
block-counts.lua and block-judge.lua.
In order: known verdict, stale verdict, mode, allow list, canary, tombstone, block in force, shared address, shadow, open
proposal, review, budgets. A new active block leaves an entry, a strike and a change record behind; a proposed one and one
in shadow only the record.

ARGV[2] JSON: id (of the block), verdict, rule, atMs (of the verdict), mode (off | shadow | review | enforce), fixed (what
  never changes of the block, JSON text), action, subject, shard, around (subject and shard of all that holds for the
  subject, its own first), inside (ranges of what lies in it), baseMs, factor (thousandths), maxMs, jitter (millionths),
  random (millionths), strikeTtlMs, clients and requests (what the block costs), budgets (rule and all: blocksPerHour,
  blocksPerMinute, requestShare and clientShare in millionths, reason), reviewReason, addresses (see identities_at; not
  there: it is no address), scopes (of senders who hold for its tenant), shared (identities, and the action from so many on; '' is none; not there: nothing is done),
  memoryMs (how long a verdict is remembered), by (of whose judgements the block is)

Returns {activated | proposed | shadow, block id, then the fields and values of the block}, {already, block id} or
{suppressed, reason}
]]
local asked = cjson.decode(ARGV[2])
local verdict_key = key('verdict', asked.verdict)

local known = redis.call('GET', verdict_key)
if known then
  local kind, rest = string.match(known, '^(%S+) (.+)$')
  return { kind, rest }
end

local function concluded(kind, rest)
  redis.call('SET', verdict_key, kind .. ' ' .. rest)
  live(verdict_key, asked.memoryMs)
  return { kind, rest }
end

if now - asked.atMs >= asked.maxMs then return concluded('suppressed', 'stale') end

local order = { off = 1, shadow = 2, review = 3, enforce = 4 }
local mode = asked.mode
local cap = override_of(asked.rule)
if cap and order[cap.mode] < order[mode] then mode = cap.mode end
if mode == 'off' then return concluded('suppressed', 'off') end

local refusal = protection(asked.around, asked.inside, senders_at(asked.addresses, asked.scopes))
if refusal then return concluded('suppressed', refusal) end
local there = entry_around(asked.around)
if there then return concluded('already', there.id) end

local action = asked.action
local identities = asked.addresses and identities_in(asked.addresses) or ''
if asked.shared and asked.addresses and identities >= asked.shared.identities then
  if asked.shared.action == '' then return concluded('suppressed', 'shared-address') end
  action = asked.shared.action
end

local reason = ''
if mode ~= 'shadow' then
  local open = proposal_around(asked.around)
  if open then return concluded('already', open) end
  if mode == 'review' then
    reason = asked.reviewReason
  elseif not within_budget(asked.rule, asked.budgets.rule, asked.clients, asked.requests) then
    reason = asked.budgets.rule.reason
  elseif not within_budget('*', asked.budgets.all, asked.clients, asked.requests) then
    reason = asked.budgets.all.reason
  end
end
local state = mode == 'shadow' and 'shadow' or (reason == '' and 'active' or 'proposed')

local strikes = strikes_of(asked.subject) + 1
local duration = math.min(asked.baseMs, asked.maxMs)
for _ = 2, strikes do
  if duration >= asked.maxMs then break end
  duration = math.min(asked.maxMs, math.floor(duration * asked.factor / 1000))
end
local spread = math.floor(duration * asked.jitter / 1000000)
duration = math.max(1, duration - math.floor(spread * asked.random / 1000000))
local ends = now + duration

keep_block(asked.id, ends, 'fixed', asked.fixed, 'state', state, 'strikes', strikes, 'reason', reason, 'actor', 'detector',
  'action', action, 'identities', identities, 'strikeTtlMs', whole(asked.strikeTtlMs))
concluded('already', asked.id)
if state ~= 'shadow' then count_made(asked.by) end
if state == 'active' then
  note_made(asked.rule, asked.id, asked.clients, asked.requests)
  note_made('*', asked.id, asked.clients, asked.requests)
  strike(asked.subject, asked.id, asked.strikeTtlMs)
  local entry = { ends = ends, id = asked.id, rule = asked.rule, action = action }
  enforce(asked.subject, asked.shard, entry)
else
  if state == 'proposed' then propose(asked.subject, asked.id, ends) end
  record_block('noted', 0, '', asked.id)
end
sweep(4)
return with_block(state == 'active' and 'activated' or state, asked.id)
