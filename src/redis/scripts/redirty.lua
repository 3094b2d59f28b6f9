-- Marks sessions as dirty that may be clean, and has their code written to Postgres again whatever is known
-- of it there: after Postgres was restored from a backup, or where what is buffered can't be right.
--
-- KEYS[1] dirty set, followed for each session by its hash
-- ARGV[1] a mark that no earlier call had, followed by the sessions' ids
-- Returns how many there were
local now = redis.call('TIME')
local ms = string.format('%.0f', math.floor(tonumber(now[1]) * 1000 + tonumber(now[2]) / 1000))
local count = 0
for i = 2, #ARGV do
  local key = KEYS[i]
  if redis.call('EXISTS', key) == 1 then
    -- One that is no hash is set aside by the sweep.
    redis.pcall('HSET', key, 'dirty', '1', 'rewrite', ARGV[1])
    redis.call('PERSIST', key)
    redis.call('ZADD', KEYS[1], 'NX', ms, ARGV[i])
    count = count + 1
  end
end
return count
