package sshadmin

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/gliderlabs/ssh"
	"golang.org/x/sys/unix"
)

const (
	// retryListen is the pause before an endpoint that failed is tried again.
	retryListen = 10 * time.Second
	// linkPause is how long to wait for what comes along with a change of interfaces.
	linkPause = 100 * time.Millisecond
)

// An entrance is an endpoint while the server runs.
type entrance struct {
	Endpoint
	listener net.Listener  // nil: nobody is let in
	index    int           // of the interface that listener is bound to
	over     chan struct{} // closed when nobody accepts from listener any more
	told     bool          // that nobody is let in, and why
}

// entrances keep every endpoint open that can be. A socket that is bound to an
// interface is dead, and does not say so, when that goes and another of its name
// comes.
type entrances struct {
	*server
	transport *ssh.Server
	all       []entrance
	failed    chan struct{} // has something in it when a listener has ended
}

func (s *server) entrances(transport *ssh.Server) *entrances {
	d := &entrances{server: s, transport: transport, failed: make(chan struct{}, 1)}
	for _, e := range s.cfg.Listen {
		d.all = append(d.all, entrance{Endpoint: e})
	}
	return d
}

// keep looks after the entrances until the server stops, and closes them.
func (d *entrances) keep(changed <-chan struct{}) {
	for d.stop.Err() == nil {
		var retry <-chan time.Time
		if d.shut() > 0 {
			retry = time.After(retryListen)
		}
		select {
		case <-d.stop.Done():
		case <-d.failed: // not tried again at once: it may fail at once again
			d.reap()
		case <-retry:
			_ = d.tend() // which has logged what is new
		case <-changed:
			d.pause(linkPause)
			_ = d.tend()
		}
	}
	for i := range d.all {
		d.all[i].close()
	}
}

func (d *entrances) pause(t time.Duration) {
	select {
	case <-d.stop.Done():
	case <-time.After(t):
	}
}

// shut returns how many entrances let nobody in.
func (d *entrances) shut() int {
	n := 0
	for i := range d.all {
		if d.all[i].listener == nil {
			n++
		}
	}
	return n
}

// tend closes what is bound to an interface that is gone, and opens what is not
// open. Its error is that nothing is open, and no interface is waited for.
func (d *entrances) tend() error {
	index, err := interfaces()
	if err != nil {
		return err
	}
	var errs []error
	waiting := false
	for i := range d.all {
		e := &d.all[i]
		if e.listener != nil && e.Interface != "" && e.index != index[e.Interface] {
			e.close()
			d.log.Warn("ssh listens no longer: its interface is gone", "address", e.Address.String(), "interface", e.Interface)
			e.told = true
		}
		if e.listener == nil {
			err := d.open(e, index[e.Interface])
			errs = append(errs, err)
			waiting = waiting || errors.Is(err, unix.ENODEV)
		}
	}
	if waiting || d.shut() < len(d.all) {
		return nil
	}
	return errors.Join(errs...)
}

// interfaces returns the index of each interface by its name.
func interfaces() (map[string]int, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	index := map[string]int{}
	for _, i := range all {
		index[i.Name] = i.Index
	}
	return index, nil
}

// open lets people in by e, if that can be.
func (d *entrances) open(e *entrance, index int) error {
	l, err := listen(d.stop, e.Endpoint)
	if err != nil {
		if !e.told {
			d.log.Error("ssh endpoint is tried again", "every", retryListen, "cause", err)
		}
		e.told = true
		return err
	}
	e.listener, e.index, e.over, e.told = l, index, make(chan struct{}), false
	d.log.Info("ssh listens", "address", l.Addr().String(), "interface", e.Interface)
	go d.accept(l, e.over)
	return nil
}

// accept lets clients in by l until it is closed or fails.
func (d *entrances) accept(l net.Listener, over chan<- struct{}) {
	end := context.AfterFunc(d.stop, func() { l.Close() })
	err := d.transport.Serve(door{l, &d.gate})
	end()
	l.Close()
	close(over)
	if d.stop.Err() != nil || errors.Is(err, net.ErrClosed) {
		return
	}
	d.log.Error("ssh endpoint failed", "address", l.Addr().String(), "cause", err)
	select {
	case d.failed <- struct{}{}:
	default:
	}
}

// reap notes the listeners that have ended.
func (d *entrances) reap() {
	for i := range d.all {
		select {
		case <-d.all[i].over:
			d.all[i].listener, d.all[i].over, d.all[i].told = nil, nil, true
		default:
		}
	}
}

// close lets nobody in any more.
func (e *entrance) close() {
	if e.listener == nil {
		return
	}
	e.listener.Close()
	<-e.over
	e.listener, e.over = nil, nil
}
