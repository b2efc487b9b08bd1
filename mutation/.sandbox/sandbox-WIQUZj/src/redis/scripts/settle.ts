/** Charges what calls have used instead of what they had reserved, and ends their places among those that run. */
// @ts-nocheck

export const settle = `
local calls, reserved, used = number(), pair(), pair()
local before = servable()
draw({ used[1] - reserved[1], used[2] - reserved[2] })
-- A request to admit that was sent later, and came before this, has told of calls that run without those that have ended here.
if own_lease and sequence >= own_sequence then
  running = running - math.min(calls, own_lease)
  put_lease(math.max(0, own_lease - calls))
end
save()
wake(before)
return answer()
`;
