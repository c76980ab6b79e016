package sshadmin

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
)

// acceptPause is how long to wait when the process has no room for another connection.
const acceptPause = 100 * time.Millisecond

// An entrance is an endpoint that is listened on.
type entrance struct {
	sshcfg.Endpoint
	listener net.Listener
	index    int           // of the interface that listener is bound to
	over     chan struct{} // closed when nobody accepts from listener any more
}

// open lets people in by e.
func (s *Service) open(e sshcfg.Endpoint) (*entrance, error) {
	d := &entrance{Endpoint: e, over: make(chan struct{})}
	if e.Interface != "" {
		link, err := links.Named(e.Interface)
		if err != nil {
			return nil, err
		}
		d.index = link.Index
	}
	var err error
	if d.listener, err = listen(s.stop, e); err != nil {
		if e.Interface != "" {
			err = links.On(e.Interface, err)
		}
		return nil, err
	}
	return d, nil
}

// Check implements links.Socket.
func (d *entrance) Check() error {
	if d.Interface == "" {
		return nil
	}
	return links.Check(d.Interface, d.index)
}

// Close lets nobody in any more.
func (d *entrance) Close() error {
	err := d.listener.Close()
	<-d.over
	return err
}

// took lets clients in by an endpoint that is open, and notes why nobody gets in by one
// that is not.
func (s *Service) took(o links.Opening[*entrance], d *entrance, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shut, o.Key)
	switch {
	case d != nil:
		s.log.Debug("ssh listens", "address", d.listener.Addr().String(), "interface", d.Interface)
		go s.accept(d)
	case !errors.Is(why, links.ErrUnwanted):
		s.shut[o.Key] = why
	}
}

// accept lets clients in by d until it is closed. When the process has no room for a
// connection it waits until it has.
func (s *Service) accept(d *entrance) {
	defer close(d.over)
	failed := false
	for {
		conn, err := d.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			if !failed {
				s.log.Error("ssh cannot accept a connection, tries again", "endpoint", d.String(), "cause",
					err)
			}
			failed = true
			pause(s.stop, acceptPause)
			continue
		}
		failed = false
		go s.begin(s.newClient(conn, d.index))
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
