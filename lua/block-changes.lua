--[[ What happened to the block list after a sequence number, read as one. Behind block-list.lua.

ARGV[2] JSON: epoch ('' only asks where the list stands; 'relay' means that of the relay, see below), after (the last
  sequence number that the asker has, >= 0; -1: before the oldest that is kept), changes (to return at most, >= 1)

Returns {gap 0|1, epoch, sequence, now ms, sequence before the oldest kept, sequence up to which the relay has told, then
per change its sequence and its fields and values as one list}
]]
local asked = cjson.decode(ARGV[2])
-- More entries than this in one answer would hold up the server and the asker.
local most_entries = 5000

-- Ahead of the list: it was rolled back, and numbers would be given out twice. Everybody begins anew.
if asked.epoch == place.epoch and asked.after > told_sequence() then
  begin_epoch(place.replication, whole(place.relayed))
end

local function position(gap)
  local oldest = redis.call('XRANGE', key('changes'), '-', '+', 'COUNT', 1)[1]
  local before = oldest and tonumber(string.match(oldest[1], '^%d+')) - 1 or place.sequence
  before = math.max(0, before - place.start)
  return { gap, place.epoch, told_sequence(), now, before, math.max(0, place.relayed - place.start) }
end

if asked.epoch == place.epoch and asked.after == told_sequence() then
  -- Most questions of most gates: nothing has happened.
  return { 0, place.epoch, asked.after, now, asked.after, math.max(0, place.relayed - place.start) }
end
if asked.epoch == '' then return position(0) end
if asked.epoch ~= place.epoch then return position(1) end
local reply = position(0)
local after = asked.after < 0 and reply[5] or asked.after
if after < reply[5] then return position(1) end
local entries = 0
local from = whole(place.start + after + 1) .. '-0'
while entries < most_entries and #reply - 6 < 2 * asked.changes do
  local changes = redis.call('XRANGE', key('changes'), from, '+', 'COUNT', math.min(50, asked.changes - (#reply - 6) / 2))
  for _, change in ipairs(changes) do
    reply[#reply + 1] = tonumber(string.match(change[1], '^%d+')) - place.start
    reply[#reply + 1] = change[2]
    entries = entries + tonumber(change[2][6])
    if entries >= most_entries then break end
  end
  if #changes == 0 then break end
  from = whole(reply[#reply - 1] + place.start + 1) .. '-0'
end
return reply
