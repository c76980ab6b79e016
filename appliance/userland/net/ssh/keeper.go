package ssh

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/sys/unix"
)

// maxAsking bounds the connections to an agent.
const maxAsking = 128

// A keeper is an agent: keys in memory, and who may ask.
type keeper struct {
	agent.ExtendedAgent
	life time.Duration // of keys that have none of their own; 0: for ever
}

func newKeeper(life time.Duration) *keeper {
	return &keeper{agent.NewKeyring().(agent.ExtendedAgent), life}
}

// Add implements agent.Agent.
func (k *keeper) Add(key agent.AddedKey) error {
	if key.LifetimeSecs == 0 {
		key.LifetimeSecs = uint32(k.life / time.Second)
	}
	return k.ExtendedAgent.Add(key)
}

// serve answers all who ask, until ctx ends.
func (k *keeper) serve(ctx context.Context, l net.Listener) error {
	context.AfterFunc(ctx, func() { l.Close() }) // removes it
	places := make(chan struct{}, maxAsking)
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil: // no room for another file: there may be later
			time.Sleep(acceptPause)
			continue
		}
		places <- struct{}{}
		go func() {
			defer func() { <-places }()
			defer c.Close()
			if mayAsk(c) {
				_ = agent.ServeAgent(k, c) // the end of it is an error too
			}
		}()
	}
}

// mayAsk reports whether the user of a process at the other end is this one, or root.
func mayAsk(c net.Conn) bool {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return false
	}
	may := false
	err = raw.Control(func(fd uintptr) {
		peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		may = err == nil && (peer.Uid == 0 || int(peer.Uid) == os.Getuid())
	})
	return err == nil && may
}
