-- Begins a turn of the sweeper: says what there is to do, and takes the lease when so many sessions are dirty
-- that they are to be swept in batches. With fewer, rooms flush their own: a lease that was left open for
-- this turn is removed, as rooms wait while there is one. Once in a while it also looks for sessions in which
-- nothing has happened for long. With nothing dirty it leaves no trace but when it scanned last.
-- A Redis that has no memory left takes a SET only after a deletion, or not at all: then the sweep goes on
-- without the lease, as two at once do no harm.
--
-- KEYS[1] dirty set, KEYS[2] lease, KEYS[3] sessions by their last activity (ms),
-- KEYS[4] says that inactive sessions were scanned lately
-- ARGV[1] the caller's token, ARGV[2] length of the lease (ms)
-- ARGV[3] number of dirty sessions from which on the lease is taken
-- ARGV[4] age of a dirty session at which it is stale (ms): its room should have flushed it by then
-- ARGV[5] time without activity after which a session is inactive (ms), ARGV[6] time between two looks (ms)
-- ARGV[7] most inactive ones to return without the lease, ARGV[8] with it
-- Returns {
--   'idle' nothing is dirty | 'fresh' few are dirty, none of them stale | 'stale' few are dirty, some of them
--     stale | 'many' are dirty, and the lease is the caller's now | 'busy' another sweeper has the lease,
--   latest time at which a stale session became dirty (ms), 0 with 'idle', 'many' and 'busy',
--   { id of an inactive session, … } }
local dirty = redis.call('ZCARD', KEYS[1])
local was_scanned = redis.call('EXISTS', KEYS[4]) == 1
-- Most turns of a quiet system: each command of a script may be billed.
if dirty == 0 and was_scanned then return { 'idle', '0', {} } end

local time = redis.call('TIME')
local now = math.floor(tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000)
local is_many = dirty > 0 and dirty >= tonumber(ARGV[3])
local inactive = {}
if not was_scanned then
  local before, most = string.format('%.0f', now - tonumber(ARGV[5])), is_many and ARGV[8] or ARGV[7]
  inactive = redis.pcall('ZRANGEBYSCORE', KEYS[3], '-inf', before, 'LIMIT', 0, most)
  -- Nobody's dirty data waits for what isn't a set of sessions.
  if inactive.err then inactive = {} end
  -- With more than one turn can take, the next turn looks again.
  if #inactive < tonumber(most) then
    redis.call('DEL', KEYS[4])
    redis.pcall('SET', KEYS[4], '1', 'PX', ARGV[6])
  end
end

-- What isn't a lease is nobody's.
local holder = redis.pcall('GET', KEYS[2])
if type(holder) == 'table' then
  redis.call('DEL', KEYS[2])
  holder = false
end
if dirty > 0 and holder and holder ~= 'open' and holder ~= ARGV[1] then return { 'busy', '0', inactive } end
if is_many then
  -- A sweeper whose time was over left it 'open': rooms keep waiting, and this one goes on.
  redis.call('DEL', KEYS[2])
  redis.pcall('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
  return { 'many', '0', inactive }
end
if holder == 'open' or holder == ARGV[1] then redis.call('DEL', KEYS[2]) end
if dirty == 0 then return { 'idle', '0', inactive } end
local stale_until = string.format('%.0f', now - tonumber(ARGV[4]))
local oldest = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', stale_until, 'LIMIT', 0, 1)
return { #oldest > 0 and 'stale' or 'fresh', stale_until, inactive }
