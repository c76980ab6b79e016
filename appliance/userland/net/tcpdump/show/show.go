package show
import ("net/netip";"time")
type Options struct {
	Link uint32
	Header, Quiet, Absolute bool
	Verbose, ASCII, Hex, Both int
	Host func(netip.Addr) string
	Port func(bool, uint16) string
	LinkName func(int) string
}
type Printer struct{}
func New(o Options) *Printer { return nil }
func (*Printer) Packet(b []byte, n int) string { return "" }
type Clock struct{Style int}
func (Clock) Text(time.Time) string { return "" }
