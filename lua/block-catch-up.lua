--[[ Lists what a release before this one has made and changed, a bounded part with each call: it wrote no listing. Both may run
at once while an installation is renewed. Behind block-blocks.lua, block-entries.lua and block-judge.lua.

Of the list: followed (the last change that the listing knows), indexed (the order up to which all blocks are listed), adopted
(the same of those whose labels are counted).

Returns nothing: the script goes on in another file
]]
-- What a person said of a block before labels were written down.
local function said_of(state, reason)
  if state == 'confirmed' then return 'confirmed' end
  if state ~= 'lifted' then return '' end
  local code = string.match(reason or '', '^([%a-]+)')
  return (code == 'false-positive' or code == 'goodwill') and code or ''
end

local function adopt(id, fixed, is_first)
  if fixed.origin ~= 'detector' then return end
  local state, reason, label = unpack(redis.call('HMGET', key('block', id), 'state', 'reason', 'label'))
  local by = fixed.ruleHash .. ' ' .. fixed.rule
  if is_first and state ~= 'shadow' then count_made(by) end
  local said = said_of(state, reason)
  if said == '' or said == label then return end
  redis.call('HSET', key('block', id), 'label', said, 'labelledAtMs', whole(now))
  judge(by, id, { label or '', said }, now)
  index_block(id)
end

local function follow_changes(most)
  if place.followed == nil then
    -- All that is there is walked over below.
    place.followed = place.sequence
  elseif place.followed < place.sequence then
    local from = whole(place.followed + 1) .. '-0'
    local changes = redis.call('XRANGE', key('changes'), from, '+', 'COUNT', most)
    local first = changes[1] and tonumber(string.match(changes[1][1], '^%d+'))
    if first ~= place.followed + 1 then
      redis.call('HSET', list, 'indexed', 0)
      place.followed = place.sequence
    end
    for _, change in ipairs(changes) do
      local id = change[2][10]
      local fixed = id ~= '' and index_block(id)
      if fixed then adopt(id, fixed, false) end
      place.followed = math.max(place.followed, tonumber(string.match(change[1], '^%d+')))
    end
  end
  redis.call('HSET', list, 'followed', whole(place.followed))
end

-- Whether there is more to do.
local function catch_up(most)
  local order = tonumber(redis.call('HGET', list, 'order') or '0')
  local indexed = tonumber(redis.call('HGET', list, 'indexed') or '0')
  if place.followed == place.sequence and indexed >= order then return false end
  follow_changes(most)
  indexed = tonumber(redis.call('HGET', list, 'indexed') or '0')
  local adopted = tonumber(redis.call('HGET', list, 'adopted') or '0')
  local from = '(' .. whole(indexed)
  local blocks = redis.call('ZRANGEBYSCORE', key('blocks'), from, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
  for index = 1, #blocks, 2 do
    local id, at = blocks[index], tonumber(blocks[index + 1])
    index_block(id, at)
    local fixed = index_block(id, at, true)
    if fixed then adopt(id, fixed, at > adopted and not fixed.form) end
    indexed = at
  end
  if #blocks < 2 * most then indexed = order end
  redis.call('HSET', list, 'indexed', whole(indexed), 'adopted', whole(math.max(adopted, indexed)))
  return place.followed < place.sequence or indexed < order
end
