/**
 * What every script begins with. It reads the one hash of a balance, brings it up to `now`, and defines what the operations are
 * made of. Amounts are whole thousandths, times whole milliseconds; pairs are { requests, tokens }.
 *
 * Fields of the hash:
 *
 *     at                 the time of the last operation
 *     skew               by how much the clock has stepped back, ever: `at` never does
 *     closed             nobody is admitted before
 *     place              the last place in line that was given
 *     drawn:1, drawn:2   requests and tokens taken and not given back, ever
 *     r:<rate>           used : remainder of the division of the last refill : at : when nothing is used any more
 *     c:<process>        calls that run there : until when that is believed : the number of the operation that told it
 *     t:<process>        place : requests : tokens of the call it was refused : until when that is believed
 *
 * What is stored is what is used up, so that a lost hash means "full" and a changed limit needs no conversion.
 */
export const prelude = `
local floor, ceil, max, format, match = math.floor, math.ceil, math.max, string.format, string.match

-- Whoever waits asks at least every second: one who has not for so long is gone, and must not hold up the others.
local TICKET_MS = 3000
-- How long a hash is kept when nothing but the line matters any more, and at the longest: 100 years.
local MARGIN_MS, LONGEST_MS = 60000, 3155760000000

local cursor = 0
local function arg()
  cursor = cursor + 1
  return ARGV[cursor]
end
local function number() return tonumber(arg()) end
local function pair()
  local requests, tokens = number(), number()
  return { requests, tokens }
end

local process, channels, payload = arg(), arg(), arg()
local sequence, lease_ms, max_concurrent = number(), number(), number()
-- Of one window, until whose end nothing is refilled and after which all is forgotten.
local ends_ms = number()
local rates, asked = {}, {}
for i = 1, number() do
  local name, unit, limit, window, burst = arg(), number(), number(), number(), number()
  rates[i] = { field = 'r:' .. name, unit = unit, limit = limit, window = window, burst = burst }
  asked[rates[i].field] = true
end

local state, changes, dropped = {}, {}, {}
-- tostring() would round to 14 digits.
local INTEGERS = { '%.0f', '%.0f:%.0f', '%.0f:%.0f:%.0f', '%.0f:%.0f:%.0f:%.0f' }
local function put(field, ...)
  changes[#changes + 1] = field
  changes[#changes + 1] = format(INTEGERS[select('#', ...)], ...)
  dropped[field] = nil
end
local function drop(field)
  if state[field] then dropped[field] = true end
end

-- The fields of a kind have a colon in the second place, the others are alone.
local COLON, LEASE, TICKET = string.byte(':ct', 1, 3)
local of_processes = {}
local stored = redis.call('HGETALL', KEYS[1])
for i = 1, #stored, 2 do
  local field = stored[i]
  state[field] = stored[i + 1]
  if string.byte(field, 2) == COLON and not asked[field] then of_processes[#of_processes + 1] = field end
end

local time = redis.call('TIME')
local clock = tonumber(time[1]) * 1000 + floor(tonumber(time[2]) / 1000)
local skew = tonumber(state.skew or 0)
local now, last = clock + skew, tonumber(state.at or 0)
if now < last then
  skew, now = last - clock, last
end

local closed = tonumber(state.closed or 0)
if closed <= now then
  closed = 0
  drop('closed')
end
local drawn = { tonumber(state['drawn:1'] or 0), tonumber(state['drawn:2'] or 0) }

-- The latest moment at which anything stored still matters.
local matters_until = closed
local function matters(at) matters_until = max(matters_until, at) end

local running, own_lease, own_sequence = 0, nil, 0
local tickets = {}
for _, field in ipairs(of_processes) do
  local kind, owner, value = string.byte(field), string.sub(field, 3), state[field]
  if kind == LEASE then
    local count, ends, told = match(value, '(%d+):(%d+):(%d+)')
    ends = tonumber(ends)
    if ends > now then
      running = running + tonumber(count)
      if owner == process then
        own_lease, own_sequence = tonumber(count), tonumber(told)
      else
        matters(ends)
      end
    else
      drop(field)
    end
  elseif kind == TICKET then
    local place, requests, tokens, ends = match(value, '(%d+):(%d+):(%d+):(%d+)')
    if tonumber(ends) > now then
      tickets[#tickets + 1] = { tonumber(requests), tonumber(tokens), process = owner, place = tonumber(place) }
    else
      drop(field)
    end
  else
    -- A rate that this process does not know: another, of another version of the program perhaps, does.
    matters(tonumber(match(value, '%d+$')))
  end
end
if #tickets > 1 then
  table.sort(tickets, function(x, y) return x.place < y.place end)
end

-- What \`elapsed\` adds, and the remainder. No product leaves the whole numbers that a double can hold.
local function refill(rate, elapsed, remainder)
  local windows = floor(elapsed / rate.window)
  local rest = elapsed - windows * rate.window
  local per_ms = floor(rate.limit / rate.window)
  local parts = rest * (rate.limit - per_ms * rate.window) + remainder
  local carried = floor(parts / rate.window)
  return windows * rate.limit + rest * per_ms + carried, parts - carried * rate.window
end

for _, rate in ipairs(rates) do
  local used, remainder, at = match(state[rate.field] or '', '(%d+):(%d+):(%d+)')
  rate.used, rate.remainder = tonumber(used or 0), tonumber(remainder or 0) % rate.window
  local elapsed = ends_ms and 0 or max(0, now - tonumber(at or now))
  local added, left = refill(rate, elapsed, rate.remainder)
  rate.used, rate.remainder = max(0, rate.used - added), left
end

-- Milliseconds until so much has been refilled.
local function refill_ms(rate, missing)
  if missing <= 0 then return 0 end
  return max(1, ceil((missing * rate.window - rate.remainder) / rate.limit))
end

-- For how long \`cost\` has to wait behind \`front\`, the sum of what stands in front; -1 when only a call that ends can help.
local function wait_of(cost, front)
  local wait = max(0, closed - now)
  for _, rate in ipairs(rates) do
    wait = max(wait, refill_ms(rate, rate.used + front[rate.unit] + cost[rate.unit] - rate.burst))
  end
  if wait == 0 and max_concurrent and running + front.count + 1 > max_concurrent then return -1 end
  return wait
end

local function draw(amounts)
  for _, rate in ipairs(rates) do rate.used = max(0, rate.used + amounts[rate.unit]) end
  drawn = { drawn[1] + amounts[1], drawn[2] + amounts[2] }
end

local function nobody() return { 0, 0, count = 0 } end
local function join(front, ticket)
  front[1], front[2], front.count = front[1] + ticket[1], front[2] + ticket[2], front.count + 1
end

-- The processes in line that could all be served now, by their ids.
local function servable()
  local found, front = {}, nobody()
  for _, ticket in ipairs(tickets) do
    if wait_of(ticket, front) ~= 0 then break end
    found[ticket.process] = true
    join(front, ticket)
  end
  return found
end

-- Wakes those who have become servable by this operation, each on its own channel. For whom time alone has
-- made it possible knows the time.
local function wake(before)
  for id in pairs(servable()) do
    if not before[id] then redis.pcall('PUBLISH', channels .. id, payload) end
  end
end

local function put_lease(count)
  if count > 0 then
    put('c:' .. process, count, now + lease_ms, max(own_sequence, sequence))
    matters(now + lease_ms)
  else
    drop('c:' .. process)
  end
end

-- The hash is written first: when the memory is used up that fails, and nothing has been changed.
local function save()
  put('at', now)
  if skew > 0 then put('skew', skew) end
  if closed > 0 then put('closed', closed) end
  put('drawn:1', drawn[1])
  put('drawn:2', drawn[2])
  for _, rate in ipairs(rates) do
    if rate.used == 0 then rate.remainder = 0 end
    local full = now + refill_ms(rate, rate.used)
    put(rate.field, rate.used, rate.remainder, now, full)
    matters(full)
  end
  redis.call('HSET', KEYS[1], unpack(changes))
  for field in pairs(dropped) do redis.call('HDEL', KEYS[1], field) end
  local ttl = math.min(LONGEST_MS, max(0, ends_ms or matters_until - now) + MARGIN_MS)
  redis.call('PEXPIRE', KEYS[1], format('%.0f', ttl))
end

-- One string, since what becomes of numbers is the client's own choice.
local function answer(...)
  local parts = { now, drawn[1], drawn[2], max(0, closed - now), running, ... }
  for _, rate in ipairs(rates) do parts[#parts + 1] = rate.used end
  return format(string.rep('%.0f ', #parts), unpack(parts))
end
`;
