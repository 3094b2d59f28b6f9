-- Gives the sweeper's lease back, if it is still the caller's.
--
-- KEYS[1] lease
-- ARGV[1] the caller's token, ARGV[2] how long to leave it open for the next sweeper (ms), 0 to remove it
-- Returns 1 if it was the caller's, else 0
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
-- Before the SET: only after a deletion, or not at all, does a Redis that has no memory left take it.
redis.call('DEL', KEYS[1])
if tonumber(ARGV[2]) > 0 then redis.pcall('SET', KEYS[1], 'open', 'PX', ARGV[2]) end
return 1
