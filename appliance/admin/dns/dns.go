// Package dns is the commands `gatehouse dns …`: how the DNS server is doing, why a name has the answer that
// it has, what is answered by the path that clients take, forgetting what is cached, and who asks for what.
//
// It asks the service over its control socket, and Query over the network. What the site and the DHCP server
// know of a name is put beside the answer; that they do not say so keeps nothing from being shown. Whatever
// strangers can choose (names, records, errors) is safe for a terminal, and what is long is cut with a mark.
package dns

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/site"
)

// service is the name of the DNS server on the control sockets.
const service = roster.DNS

// Env is where a command finds the appliance.
type Env struct {
	Stdout io.Writer
	RunDir string                     // the directory of the control sockets
	Site   func() (*site.Site, error) // the site that runs
	Now    func() time.Time
	// Patience is how long the DHCP server may take to say who is who; 0: 2 s.
	Patience time.Duration
	// Dial connects Query with the server; nil: over the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// silence is when the service is taken to hang: asking those outside takes it five seconds.
const silence = 10 * time.Second

// ask calls one method of the service.
func (e Env) ask(ctx context.Context, method string, args, result any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, silence, fmt.Errorf("no answer within %v", silence))
	defer cancel()
	return control.Call(ctx, e.RunDir, service, method, args, result)
}
