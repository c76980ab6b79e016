package ssh

import (
	"context"
	"fmt"
	"time"
)

// keepAlive asks the server now and then, if that is wanted, and gives up a connection on which nothing is
// answered.
func (r *run) keepAlive(ctx context.Context) {
	if r.AliveEvery <= 0 {
		return
	}
	tick := time.NewTicker(r.AliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		answered := make(chan error, 1)
		go func() {
			_, _, err := r.client.SendRequest("keepalive@openssh.com", true, nil) // refused is answered too
			answered <- err
		}()
		select {
		case <-ctx.Done():
			return
		case err := <-answered:
			if err != nil {
				return // the connection has ended
			}
		case <-time.After(r.AliveEvery * time.Duration(r.AliveCount)):
			r.lost = fmt.Errorf("timeout, server %s not responding", r.to.Host)
			r.client.Close()
			return
		}
	}
}
