package inbox

import (
	"bytes"
	"log/slog"
	"net/http"
)

// render fills a page completely before it sends a byte, so that a fault in a
// template is a clean 500 and not half a page.
func (s *site) render(w http.ResponseWriter, name string, data any) {
	var page bytes.Buffer
	if err := s.pages.ExecuteTemplate(&page, name, data); err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	s.write(w, page.Bytes())
}

// write sends a body. A browser that went away is no fault of ours.
func (s *site) write(w http.ResponseWriter, body []byte) {
	if _, err := w.Write(body); err != nil {
		s.logger.Debug("browser left", slog.Any("error", err))
	}
}

func (s *site) fail(w http.ResponseWriter, err error) {
	s.logger.Error("page failed", slog.Any("error", err))
	http.Error(w, "the page couldn't be made; the log says why", http.StatusInternalServerError)
}
