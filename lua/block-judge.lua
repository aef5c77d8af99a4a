--[[ What people said of the blocks of rules, and which rules there are. Behind block-entries.lua, before the script itself.

Keys behind the prefix:
judged: "m <rule hash> <rule>" -> blocks made, with c confirmed, f false positives, g goodwill in place of m (hash)
judgedAt: "<rule hash> <rule>" by when it was last counted, milliseconds (sorted set)
labels:<rule hash> <rule>: block by when its label was given, milliseconds (sorted set)

Returns nothing: the script goes on in another file
]]
-- Beyond this what was not counted for longest is forgotten: a rule that changes each hour gets there after six weeks.
local most_judged = 1000
-- Only the newest is asked for: so many can be taken back and still leave one.
local most_labels = 1000
local label_fields = { confirmed = 'c ', ['false-positive'] = 'f ', goodwill = 'g ' }

local function touch_judged(by)
  redis.call('ZADD', key('judgedAt'), whole(now), by)
  if redis.call('ZCARD', key('judgedAt')) > most_judged then
    local old = redis.call('ZPOPMIN', key('judgedAt'))[1]
    redis.call('HDEL', key('judged'), 'm ' .. old, 'c ' .. old, 'f ' .. old, 'g ' .. old)
    redis.call('DEL', key('labels', old))
  end
  live_until(now + 366 * day, key('judged'), key('judgedAt'))
end

local function count_made(by)
  redis.call('HINCRBY', key('judged'), 'm ' .. by, 1)
  touch_judged(by)
end

-- A label that changes counts once, as it is now.
local function judge(by, id, labels, at)
  local before, after = labels[1], labels[2]
  if before == after then return end
  if before ~= '' and redis.call('HINCRBY', key('judged'), label_fields[before] .. by, -1) < 0 then
    redis.call('HDEL', key('judged'), label_fields[before] .. by)
  end
  redis.call('ZREM', key('labels', by), id)
  if after ~= '' then
    redis.call('HINCRBY', key('judged'), label_fields[after] .. by, 1)
    redis.call('ZADD', key('labels', by), whole(at), id)
    redis.call('ZREMRANGEBYRANK', key('labels', by), 0, -1 - most_labels)
    live_until(now + 366 * day, key('labels', by))
  end
  touch_judged(by)
end
