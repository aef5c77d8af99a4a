--[[ What happened to the block list after a sequence number, read as one.
The epoch that followers compare also names this server's replication history: after a failover it is another one, and
they take a snapshot instead of trusting numbers that were given out twice.

KEYS[1] list: epoch, sequence, order (hash)
KEYS[2] change log (stream, ids are <sequence>-0)
ARGV[1] epoch of the follower; '' only asks where the list stands
ARGV[2] last sequence number that the follower has, >= 0
ARGV[3] changes to return at most, >= 1

Returns {gap 0|1, epoch, sequence of the list, now ms, then per change: sequence, field, value, field, value, field, value}
]]
local epoch = redis.call('HGET', KEYS[1], 'epoch') or ''
local replication = redis.pcall('INFO', 'replication')
if type(replication) == 'string' then
  epoch = epoch .. '.' .. (string.match(replication, 'master_replid:(%x+)') or '')
end
local sequence = tonumber(redis.call('HGET', KEYS[1], 'sequence') or '0')
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local reply = { 0, epoch, sequence, now }
if ARGV[1] == '' then return reply end

local after = tonumber(ARGV[2])
if ARGV[1] ~= epoch or after > sequence then return { 1, epoch, sequence, now } end
if after == sequence then return reply end
local first = string.format('%.0f-0', after + 1)
local changes = redis.call('XRANGE', KEYS[2], first, '+', 'COUNT', ARGV[3])
if #changes == 0 or changes[1][1] ~= first then return { 1, epoch, sequence, now } end
for _, change in ipairs(changes) do
  reply[#reply + 1] = tonumber(string.match(change[1], '^%d+'))
  for _, value in ipairs(change[2]) do reply[#reply + 1] = value end
end
return reply
