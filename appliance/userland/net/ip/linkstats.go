package ip

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// A counter is a number with its head in the text.
type counter struct {
	head  string
	value uint64
}

// A counterLine is one line of counters, six columns at most; of errors the first is empty.
type counterLine struct {
	lead     string
	counters []counter
}

// counterLines are those of l: with one -s two, with two what is counted of errors too.
func (r *request) counterLines(l link) []counterLine {
	s := l.Statistics
	rx := []counterLine{{"RX:", []counter{{"bytes", s.RxBytes}, {"packets", s.RxPackets}, {"errors", s.RxErrors},
		{"dropped", s.RxDropped}, {"missed", s.RxMissedErrors}, {"mcast", s.Multicast}}}}
	tx := []counterLine{{"TX:", []counter{{"bytes", s.TxBytes}, {"packets", s.TxPackets}, {"errors", s.TxErrors},
		{"dropped", s.TxDropped}, {"carrier", s.TxCarrierErrors}, {"collsns", s.Collisions}}}}
	if r.stats > 1 {
		rx = append(rx, counterLine{"RX errors:", []counter{{}, {"length", s.RxLengthErrors}, {"crc", s.RxCrcErrors},
			{"frame", s.RxFrameErrors}, {"fifo", s.RxFifoErrors}, {"overrun", s.RxOverErrors}}})
		tx = append(tx, counterLine{"TX errors:", []counter{{}, {"aborted", s.TxAbortedErrors}, {"fifo", s.TxFifoErrors},
			{"window", s.TxWindowErrors}, {"heartbt", s.TxHeartbeatErrors}, {"transns", l.carrierChanges()}}})
	}
	return append(rx, tx...)
}

// carrierChanges is how often the carrier came or went.
func (l link) carrierChanges() uint64 { return l.number(iflaCarrierChanges) }

// printCounters prints the counters of l when -s asks for them.
func (r *request) printCounters(l link) {
	if r.stats == 0 || l.Statistics == nil {
		return
	}
	widths := []int{len("RX errors:"), 7, 6, 7, 7, 7}
	lines := r.counterLines(l)
	for _, line := range lines {
		for i, c := range line.counters {
			widths[i] = max(widths[i], len(fmt.Sprint(c.value)))
		}
	}
	for _, line := range lines {
		fmt.Fprintf(&r.out, "    %s%*s", line.lead, widths[0]-len(line.lead), line.counters[0].head)
		for i, c := range line.counters[1:] {
			fmt.Fprintf(&r.out, " %*s", widths[i+1], c.head)
		}
		if line.counters[0].head != "" {
			fmt.Fprintf(&r.out, "%11s", "") // where iproute2 has what is compressed
		}
		fmt.Fprint(&r.out, "\n    ")
		for i, c := range line.counters {
			if c.head == "" {
				fmt.Fprintf(&r.out, "%*s ", widths[i], "")
			} else {
				fmt.Fprintf(&r.out, "%*d ", widths[i], c.value)
			}
		}
		fmt.Fprintln(&r.out)
	}
}

// countersRecord is what JSON has of the counters of l; nil without -s.
func (r *request) countersRecord(l link) map[string]map[string]uint64 {
	if r.stats == 0 || l.Statistics == nil {
		return nil
	}
	s := l.Statistics
	rx := map[string]uint64{"bytes": s.RxBytes, "packets": s.RxPackets, "errors": s.RxErrors, "dropped": s.RxDropped,
		"over_errors": s.RxOverErrors, "multicast": s.Multicast}
	tx := map[string]uint64{"bytes": s.TxBytes, "packets": s.TxPackets, "errors": s.TxErrors, "dropped": s.TxDropped,
		"carrier_errors": s.TxCarrierErrors, "collisions": s.Collisions}
	if r.stats > 1 {
		addErrors(rx, tx, s)
		tx["carrier_changes"] = l.carrierChanges()
	}
	return map[string]map[string]uint64{"rx": rx, "tx": tx}
}

// addErrors adds what the second -s asks for.
func addErrors(rx, tx map[string]uint64, s *netlink.LinkStatistics) {
	rx["length_errors"], rx["crc_errors"], rx["frame_errors"] = s.RxLengthErrors, s.RxCrcErrors, s.RxFrameErrors
	rx["fifo_errors"], rx["missed_errors"] = s.RxFifoErrors, s.RxMissedErrors
	tx["aborted_errors"], tx["fifo_errors"], tx["window_errors"] = s.TxAbortedErrors, s.TxFifoErrors, s.TxWindowErrors
	tx["heartbeat_errors"] = s.TxHeartbeatErrors
}
