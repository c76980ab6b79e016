package main

import (
	"context"
	"fmt"
	"time"
)

// times are what was measured in one round.
type times struct {
	first carrierTimes
	// gateway and address are from the sending of the ACK to the first packet through the other gateway, and
	// of the other address.
	gateway, address time.Duration
	// again and renumbered are from the sending of the NAK to that of the ACK, and to that packet.
	again, renumbered time.Duration
	// back is from the cable's return to the first packet.
	back time.Duration
}

// carrierTimes are since the cable was put in.
type carrierTimes struct {
	told      time.Duration // the kernel says that there is carrier
	asked     time.Duration // the first message came to the provider
	given     time.Duration // its ACK was sent
	bound     time.Duration // there are the address and the default route
	forwarded time.Duration // the first packet of the LAN came to the provider
}

// measure goes through all steps.
func (r *round) measure(ctx context.Context) (t times, err error) {
	for _, step := range []func(context.Context, *times) error{
		r.first, r.otherGateway, r.otherAddress, r.backAgain} {
		if err := sleep(ctx, calm); err != nil {
			return t, err
		}
		if err := step(ctx, &t); err != nil {
			return t, fmt.Errorf("%w; it wrote:\n%s", err, r.out.String())
		}
	}
	return t, nil
}

// first puts the cable in.
func (r *round) first(ctx context.Context, t *times) error {
	r.provider.give(firstUplink)
	at, err := r.cable(true)
	if err != nil {
		return err
	}
	s, err := r.forwards(ctx)
	if err != nil {
		return err
	}
	var k told
	if err := r.until(ctx, "there is no address", func() bool {
		k = r.watch.says()
		return k.carrier != 0 && k.address != 0 && k.route != 0
	}); err != nil {
		return err
	}
	since := func(then int64) time.Duration { return time.Duration(then - at) }
	t.first = carrierTimes{since(k.carrier), since(s.asked), since(s.given), since(max(k.address, k.route)),
		since(s.forwarded)}
	return nil
}

// otherGateway has the next ACK name another gateway.
func (r *round) otherGateway(ctx context.Context, t *times) error {
	s, err := r.renewed(ctx, otherGateway)
	t.gateway = time.Duration(s.forwarded - s.given)
	return err
}

// otherAddress has the provider refuse the address, and give another.
func (r *round) otherAddress(ctx context.Context, t *times) error {
	s, err := r.renewed(ctx, otherAddress)
	t.again, t.address = time.Duration(s.given-s.refused), time.Duration(s.forwarded-s.given)
	t.renumbered = time.Duration(s.forwarded - s.refused)
	return err
}

// renewed has the lease renewed, and the provider give something else.
func (r *round) renewed(ctx context.Context, to uplink) (s seen, err error) {
	r.provider.give(to)
	if err := r.renew(ctx); err != nil {
		return s, err
	}
	return r.forwards(ctx)
}

// backAgain pulls the cable and puts it in again.
func (r *round) backAgain(ctx context.Context, t *times) error {
	if _, err := r.cable(false); err != nil {
		return err
	}
	if err := sleep(ctx, calm); err != nil {
		return err
	}
	r.provider.give(otherAddress)
	at, err := r.cable(true)
	if err != nil {
		return err
	}
	s, err := r.forwards(ctx)
	t.back = time.Duration(s.forwarded - at)
	return err
}

// forwards waits until packets of the LAN come as the provider wants them.
func (r *round) forwards(ctx context.Context) (s seen, err error) {
	return s, r.until(ctx, "nothing is forwarded as it should be", func() bool {
		s = r.provider.saw()
		return s.forwarded != 0
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
