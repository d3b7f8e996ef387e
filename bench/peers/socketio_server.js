// The peer of the fan-out: Socket.IO on Node, as its documentation has it. It tells everybody what anybody says.
// It does less than Stoa: no login, no rights, no commit. NODE_PATH=<folder with socket.io> node socketio_server.js PORT
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer((_request, response) => response.end("ok"));
const io = new Server(http, { transports: ["websocket"] });
let count = 0;

io.on("connection", (socket) => {
  socket.on("message", (text) => {
    const { message } = JSON.parse(text).data;
    count += 1;
    const told = {
      _id: String(count).padStart(24, "0"),
      channelId: "all",
      sessionId: "5e5510000000000000000000",
      senderId: "5e5510000000000000000001",
      senderUsername: "bench.instructor.0000",
      senderForceId: null,
      message,
      timestamp: Date.now(),
    };
    io.emit("message", JSON.stringify({ method: "chat-message-received", data: { message: told }, seq: count, part: 0 }));
  });
});
http.listen(Number(process.argv[2]), "127.0.0.1");
