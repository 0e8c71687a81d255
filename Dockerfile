# A CPU image: `docker build -t sfumato .`, then
# `docker run --rm -v "$PWD:/pictures" sfumato demo`.
FROM python:3.12-slim

RUN useradd --create-home artist && install -d -o artist -g artist /pictures
COPY . /src
# The CPU build of torch first: the default one brings gigabytes of CUDA.
RUN pip install --no-cache-dir "torch>=2.11,<2.14" --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir "/src[export]"

USER artist
WORKDIR /pictures
ENTRYPOINT ["sfumato"]
CMD ["--help"]
