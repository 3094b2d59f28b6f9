-- How far a session is flushed.
--
-- KEYS[1] session hash, KEYS[2] sweeper's lease
-- Returns { flushed revision, 1 if dirty, number of the last commit, lease left (ms) }
local held = redis.call('HMGET', KEYS[1], 'flushed', 'dirty', 'last_commit', 'rev')
-- What isn't a number counts as none: the room then takes it for a loss, and commits again.
local function number(value) return string.match(value or '', '^%d+$') or '0' end
local flushed = number(held[1])
-- More than there is can't be flushed.
if held[4] and tonumber(flushed) > tonumber(number(held[4])) then flushed = '0' end
return { flushed, held[2] and 1 or 0, number(held[3]), math.max(0, redis.call('PTTL', KEYS[2])) }
