package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/services/wan"
)

// TestNobodyToFollow: where the site has no client of the way out, nobody looks for one; and what the last one said
// is forgotten, so that it is not believed when there is one again.
func TestNobodyToFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWayOut()
		ctx, stop := context.WithCancel(t.Context())
		came := make(chan bool)
		go func() {
			for w.await(ctx) {
				came <- true
			}
			close(came)
		}()
		wait := func(what string, want bool) {
			t.Helper()
			synctest.Wait()
			select {
			case _, open := <-came:
				if !want || !open {
					t.Errorf("%s: somebody is followed: %t", what, open)
				}
			default:
				if want {
					t.Errorf("%s: nobody is followed", what)
				}
			}
		}
		time.Sleep(time.Hour)
		wait("at first", false)
		w.expect(false)
		wait("with a static site", false)
		w.expect(true)
		wait("with a client", true)
		wait("when it has died", true)
		if facts := (&wan.Facts{MTU: 1400}); !w.set(facts) || w.Facts() != facts {
			t.Error("its word is not taken")
		}
		w.expect(true)
		if w.Facts() == nil {
			t.Error("another plan with the client has its word forgotten")
		}
		synctest.Wait()
		w.expect(false)
		wait("it was about to be", true)
		wait("without it", false)
		if w.set(&wan.Facts{MTU: 1400}) || w.Facts() != nil {
			t.Error("one that is gone is believed")
		}
		stop()
		synctest.Wait()
		if _, open := <-came; open {
			t.Error("it goes on when all ends")
		}
	})
}
