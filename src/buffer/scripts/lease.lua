-- Takes or renews the sweeper's lease, if there is anything to sweep. One command, and with nothing dirty it leaves no trace.
--
-- KEYS[1] dirty set, KEYS[2] lease
-- ARGV[1] the caller's token, ARGV[2] length (ms)
-- Returns { 'idle' | 'taken' | 'busy', dirty sessions }
local dirty = redis.call('ZCARD', KEYS[1])
if dirty == 0 then return { 'idle', 0 } end
local holder = redis.call('GET', KEYS[2])
-- 'open' is what a sweeper leaves behind whose time was over: rooms keep waiting, and the next sweeper takes it from there.
if holder and holder ~= 'open' and holder ~= ARGV[1] then return { 'busy', dirty } end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return { 'taken', dirty }
