package leak

// StudentTails lets tests hold it to tables.
var StudentTails = studentTails
