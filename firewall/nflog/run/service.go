// Package run is the service that keeps the last packets that the rules have logged, for whoever asks later.
//
// It reads one NFLOG group of the kernel and keeps a bounded number of records in memory; it writes nothing
// anywhere else, so no flood of packets becomes a flood of lines. Where too many come, the rule that logged
// most loses its oldest, and what the kernel could not hand over is counted. What was logged is forgotten
// when the process ends.
package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/firewall/nflog"
	"github.com/gatehouse-os/gatehouse/internal/feed"
	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
)

// maxRecords is how many packets are kept, at about 300 bytes each. When there are more, the rule that has
// most of them loses its oldest: one that logs all the time does not push out what another logged once.
const maxRecords = 2000

// How many lines are logged: what one packet causes, each may cause.
const (
	logBurst = 10 // at once
	logEvery = 6 * time.Second
)

// A Service reads one NFLOG group.
type Service struct {
	conn    *netlink.Conn
	records *feed.Feed[nflog.Record] // by rule
	uptime  func() time.Duration
	log     *slog.Logger      // bounded: packets decide how much there is to log
	names   map[uint32]string // of interfaces, by index
	seq     uint32            // of the kernel's last message
	began   bool
	losses  losses
	cards   cards
	calls   chan func() // to be run between two packets
}

// Open binds the group in the network namespace of the calling thread, for which it needs CAP_NET_ADMIN.
// Nobody else may have bound it. uptime tells the time since the kernel started.
func Open(c nflog.Config, uptime func() time.Duration, log *slog.Logger) (*Service, error) {
	conn, err := open(c.Group)
	if err != nil {
		return nil, err
	}
	return newService(conn, uptime, log), nil
}

func newService(conn *netlink.Conn, uptime func() time.Duration, log *slog.Logger) *Service {
	return &Service{
		conn: conn, records: feed.New[nflog.Record](feed.Limits{Items: maxRecords}),
		uptime: uptime, names: map[uint32]string{}, calls: make(chan func(), control.MaxConnections),
		log: slog.New(ratelimit.Handler(log.Handler(), logBurst, logEvery, time.Now)),
	}
}

// Run calls drop, which gives privileges up, then ready, and reads until ctx ends.
func (s *Service) Run(ctx context.Context, drop, ready func() error) error {
	defer s.conn.Close()
	if err := drop(); err != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, s.wake)()
	for {
		messages, err := s.conn.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded): // somebody calls
			if err := s.answerCalls(ctx); err != nil {
				return err
			}
			continue
		case errors.Is(err, unix.ENOBUFS): // packets are lost; the next one says how many
			continue
		case err != nil:
			return fmt.Errorf("nflog: %w", err)
		}
		for _, m := range messages {
			if m.Header.Type == messagePacket {
				s.take(m.Data)
			}
		}
	}
}

// wake ends a Receive.
func (s *Service) wake() {
	// it fails when the socket is closed: there is no Receive either
	_ = s.conn.SetReadDeadline(time.Unix(1, 0))
}

// answerCalls runs what has been called for. Who calls after it has looked ends the next Receive at once.
func (s *Service) answerCalls(ctx context.Context) error {
	if err := s.conn.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("nflog: %w", err)
	}
	if ctx.Err() != nil {
		s.wake()
	}
	for {
		select {
		case f := <-s.calls:
			f()
		default:
			return nil
		}
	}
}

// take keeps what one message of the kernel says.
func (s *Service) take(b []byte) {
	m, err := parseMessage(b)
	if err != nil {
		s.log.Warn("a logged packet is not understood", "error", err)
		return
	}
	r := nflog.Record{Up: s.uptime(), Rule: m.rule, In: s.name(m.in), Out: s.name(m.out), Early: m.early,
		MAC: m.mac, Packet: m.packet}
	if s.began {
		r.Lost = uint64(m.seq - s.seq - 1)
		s.losses.add(r.Up, r.Lost)
	}
	s.seq, s.began = m.seq, true
	s.cards.add(r)
	s.records.Add(r.Rule, 0, func(seq uint64) nflog.Record {
		r.Seq = seq
		return r
	})
}

// name is what the interface of an index is called: an index is never given to another one.
func (s *Service) name(index uint32) string {
	if index == 0 {
		return ""
	}
	if name, ok := s.names[index]; ok {
		return name
	}
	all, err := net.Interfaces()
	if err != nil {
		return fmt.Sprintf("#%d", index)
	}
	clear(s.names)
	for _, i := range all {
		s.names[uint32(i.Index)] = i.Name
	}
	if s.names[index] == "" {
		s.names[index] = fmt.Sprintf("#%d", index)
	}
	return s.names[index]
}

// answerLog answers the control method "log" with a [nflog.Line] for each packet, oldest first.
func (s *Service) answerLog(ctx context.Context, raw json.RawMessage, send func(any) error) error {
	var args nflog.LogArgs
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &args); err != nil {
			return fmt.Errorf("arguments: %w", err)
		}
	}
	line := func(r nflog.Record, missing bool) error {
		return send(nflog.Line{Record: r, Time: time.Now().Add(r.Up - s.uptime()), Missing: missing})
	}
	if args.Follow {
		return s.records.Follow(ctx, "", args.After, line)
	}
	for _, r := range s.records.After("", args.After) {
		if err := line(r, false); err != nil {
			return err
		}
	}
	return nil
}
