package conntrack

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Limits are the size of the table.
type Limits struct {
	Flows   int  `json:"flows"`   // now
	Max     int  `json:"max"`     // what is above it is dropped
	Counted bool `json:"counted"` // bytes and packets of new conversations
}

// ReadLimits reads them from the settings of the calling thread's network namespace.
func ReadLimits() (Limits, error) {
	flows, err1 := setting("count")
	most, err2 := setting("max")
	counted, err3 := setting("acct")
	return Limits{flows, most, counted != 0}, errors.Join(err1, err2, err3)
}

func setting(name string) (int, error) {
	text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_" + name)
	if err != nil {
		return 0, fmt.Errorf("conntrack: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
