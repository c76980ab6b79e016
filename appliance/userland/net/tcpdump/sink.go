package tcpdump

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/filter"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/pcap"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/show"
)

// A sink is where packets go: into a file, or as text to standard output.
type sink struct {
	put   func(pcap.Packet) error
	close func() error
}

func openSink(c *command.Call, s settings, k kind, snap uint32) (sink, error) {
	if s.into != "" {
		return openSeries(c, s, k, snap)
	}
	o := s.show
	o.Link = k.number
	o.LinkName = linkName
	if s.names {
		n := &names{c: c, hosts: map[netip.Addr]string{}}
		o.Host, o.Port = n.host, filter.Service
	}
	printer, clock := show.New(o), &show.Clock{Style: s.times}
	return sink{
		put: func(p pcap.Packet) error {
			_, _ = c.Stdout.WriteString(clock.Text(p.Time) + printer.Packet(p.Data, p.Length) + "\n")
			if s.lines {
				_ = c.Stdout.Flush()
			}
			return c.Stdout.Err()
		},
		close: func() error { return nil },
	}, nil
}

// openFile makes a file for -w. What is not written is an error.
func openFile(c *command.Call, name string, flushed bool, k kind, snap uint32) (sink, error) {
	var out io.Writer = c.Stdout
	flush, end := c.Stdout.Flush, func() error { return nil }
	if name != "-" {
		f, err := os.Create(name)
		if err != nil {
			return sink{}, command.Named(name, err)
		}
		b := bufio.NewWriterSize(f, 64<<10)
		out, flush = b, b.Flush
		end = func() error {
			return errors.Join(command.Named(name, b.Flush()), command.Named(name, f.Close()))
		}
	}
	w, err := pcap.NewWriter(out, k.number, snap)
	if err == nil && flushed {
		err = flush()
	}
	if err != nil {
		return sink{}, errors.Join(command.Named(name, err), end())
	}
	return sink{
		put: func(p pcap.Packet) error {
			err := w.Write(p)
			if err == nil && flushed {
				err = flush()
			}
			return command.Named(name, err)
		},
		close: end,
	}, nil
}

// lookupTime is how long is waited for the name of an address, or for the address of a name.
const lookupTime = 2 * time.Second

// resolve asks for the addresses of a name of a filter.
func resolve(c *command.Call) func(string) ([]netip.Addr, error) {
	return func(name string) ([]netip.Addr, error) {
		ctx, cancel := context.WithTimeout(c.Context, 5*lookupTime)
		defer cancel()
		return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	}
}

// names has the names of addresses, each asked for once.
type names struct {
	c     *command.Call
	hosts map[netip.Addr]string
}

// maxNames is how many are kept.
const maxNames = 4096

func (n *names) host(a netip.Addr) string {
	if name, ok := n.hosts[a]; ok {
		return name
	}
	ctx, cancel := context.WithTimeout(n.c.Context, lookupTime)
	defer cancel()
	name := ""
	if all, err := net.DefaultResolver.LookupAddr(ctx, a.String()); err == nil && len(all) > 0 {
		name = all[0]
		if name[len(name)-1] == '.' {
			name = name[:len(name)-1]
		}
	}
	if len(n.hosts) == maxNames {
		clear(n.hosts)
	}
	n.hosts[a] = name
	return name
}

// linkName is the name of a link by its index; "" where there is none.
func linkName(index int) string {
	if l, err := net.InterfaceByIndex(index); err == nil {
		return l.Name
	}
	return ""
}
