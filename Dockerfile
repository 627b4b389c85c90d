# polydl with every extra, and what it compiles with:
#   docker build -t polydl .
#   docker run --rm -v "$PWD/runs:/home/polydl/runs" polydl run experiment=quickstart
# A measurement needs whole cores: --cpuset-cpus=2,3, never --cpus (a quota stops a core in the middle).
FROM python:3.11-slim-bookworm

RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc g++ git libc6-dev make \
 && rm -rf /var/lib/apt/lists/*

COPY . /tmp/polydl
RUN pip install --no-cache-dir --constraint /tmp/polydl/constraints.txt \
      "/tmp/polydl[cluster,tracking,report,learn,onednn,onnx,onnxruntime]" \
 && rm -rf /tmp/polydl

RUN useradd --create-home polydl
USER polydl
WORKDIR /home/polydl
ENTRYPOINT ["polydl"]
