--[[ Set what operators set: a switch, the mode of a rule, a breaker. Behind block-list.lua, block-entries.lua and
block-counts.lua.

ARGV[2] JSON: kind, and
  switch: what, off (JSON text of the switch; '' is on again), ends, notice (for the audit)
  override: rule, override (JSON text; '' ends it), ends, notice
  reset: rule, reason, actor

Returns {1} when something changed, {0} when there was nothing to end
]]
local asked = cjson.decode(ARGV[2])

local function set_or_end(name, field, text)
  if text ~= '' then
    redis.call('HSET', name, field, text)
    live_until(asked.ends, name)
    return true
  end
  return redis.call('HDEL', name, field) == 1
end

if asked.kind == 'switch' then
  set_or_end(key('switches'), asked.what, asked.off)
  local payload = redis.call('HGETALL', key('switches'))
  record('switched', 0, 'p', #payload == 0 and '[]' or cjson.encode(payload), 'b', '', 'a', asked.notice)
elseif asked.kind == 'override' then
  if asked.override == '' and not override_of(asked.rule) then return { 0 } end
  for _, rule in ipairs(redis.call('HKEYS', key('overrides'))) do
    if not override_of(rule) then redis.call('HDEL', key('overrides'), rule) end
  end
  set_or_end(key('overrides'), asked.rule, asked.override)
  record('noted', 0, 'p', '', 'b', '', 'a', asked.notice)
else
  local breaker = breaker_of(asked.rule)
  if not breaker or breaker.state ~= 'open' then return { 0 } end
  set_breaker(asked.rule, 'half-open', asked.reason, asked.actor)
end
return { 1 }
