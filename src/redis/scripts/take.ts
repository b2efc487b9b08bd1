/**
 * Admits calls in their order until one does not fit. A call fits when there is enough for it and for all who stand in front of it:
 * so nobody is passed to his cost, and nobody waits for one who is late to take what is there for both.
 */
export const take = `
local running_here, place, count = number(), number(), number()
local before = servable()

local others = {}
for _, ticket in ipairs(tickets) do
  if ticket.process == process then place = place or ticket.place else others[#others + 1] = ticket end
end
tickets = others
running = running - (own_lease or 0) + running_here

-- Only the first call has a place. Before it stand those with a smaller one, before the others everybody.
local front, everybody = nobody(), nobody()
for _, ticket in ipairs(tickets) do
  join(everybody, ticket)
  if not place or ticket.place < place then join(front, ticket) end
end

local granted, wait = 0, 0
local refused
-- A place of -1 is none: whoever is refused goes away.
local stays = place ~= -1
for i = 1, count do
  local cost = pair()
  wait = wait_of(cost, front)
  if wait ~= 0 then
    refused = cost
    break
  end
  draw(cost)
  granted, running, front = granted + 1, running + 1, everybody
end

if refused and stays then
  -- Places are counted on from the time, so that one of a hash that was lost is still a small one.
  if granted > 0 or not place then
    place = math.max(tonumber(state.place or 0) + 1, now)
    put('place', place)
  end
  local position = 1
  while tickets[position] and tickets[position].place < place do position = position + 1 end
  put('t:' .. process, place, refused[1], refused[2], now + TICKET_MS)
  table.insert(tickets, position, { refused[1], refused[2], process = process, place = place })
else
  place = -1
  drop('t:' .. process)
end
put_lease(max_concurrent and running_here + granted or 0)
save()
wake(before)
return answer(granted, wait, place)
`;
