-- A page of dead letters, in no order, bounded by count and by bytes as the answer encodes them.
--
-- KEYS[1] dead letters
-- ARGV[1] cursor of the page, 0 for the first, ARGV[2] most letters, ARGV[3] most bytes (one is read all the
-- same)
-- Returns { cursor of the next page, 0 at the end, { id, JSON of a letter, … } }
local letters, bytes, cursor = {}, 0, ARGV[1]
repeat
  -- Few at a time: what a scan has returned can't be given back.
  local page = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', 1)
  cursor = page[1]
  for _, text in ipairs(page[2]) do
    letters[#letters + 1] = text
    bytes = bytes + #cjson.encode(text) + 1
  end
until cursor == '0' or #letters >= 2 * tonumber(ARGV[2]) or bytes >= tonumber(ARGV[3])
return { cursor, letters }
